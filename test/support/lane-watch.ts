import assert from 'node:assert/strict';
import type { RunningProxy } from '../../src/app.ts';
import { becomes } from './becomes.ts';

const BOARDED_WITHIN = 5_000;
/** What rescues may move at once, and each second. */
const BURST = 256;
const EACH_SECOND = 128;

/** What has happened on lanes, over all nodes. */
export interface LaneEvents {
  readonly units: number;
  readonly rescues: number;
  readonly poisoned: number;
}

/** The same so far, and what there is now. */
export interface LaneFigures extends LaneEvents {
  readonly lanes: number;
  /** Server connections. */
  readonly links: number;
}

/** Eyes on the lanes of a proxy in this process. */
export abstract class LaneWatch {
  abstract readonly proxy: RunningProxy;

  async figures(): Promise<LaneFigures> {
    const [source] = await this.proxy.figures();
    const sum = { lanes: 0, links: 0, units: 0, rescues: 0, poisoned: 0 };
    for (const node of source?.counters.nodes ?? []) {
      sum.lanes += node.lanesNow;
      sum.links += node.openNow;
      sum.units += node.laneUnits;
      sum.rescues += node.laneRescues;
      sum.poisoned += node.lanePoisoned;
    }
    return sum;
  }

  /** What happens on lanes meanwhile. */
  async during(work: () => Promise<unknown>): Promise<LaneEvents> {
    const before = await this.figures();
    await work();
    const after = await this.figures();
    return {
      units: after.units - before.units,
      rescues: after.rescues - before.rescues,
      poisoned: after.poisoned - before.poisoned,
    };
  }

  /**
   * Of units that all stand still, no more are moved to other lanes than the budget of rescues allows. `send` has them
   * sent. Resolves when nothing goes by lanes any more. What it holds against the budget is so much that it was needed.
   */
  async calm(send: () => void): Promise<void> {
    const before = await this.figures();
    const began = performance.now();
    send();
    let now = before;
    await becomes('no lane takes any more', async () => {
      now = await this.figures();
      return now.units > before.units && now.lanes === 0;
    });
    const allowed = BURST + (EACH_SECOND * (performance.now() - began)) / 1_000;
    const [units, rescues] = [now.units - before.units, now.rescues - before.rescues];
    assert.ok(rescues > 0, 'nobody was moved');
    assert.ok(rescues <= allowed, `${rescues} were moved, ${allowed} were allowed`);
    assert.ok(
      units - now.links > allowed,
      `${units} went by lanes, and ${allowed} may be moved: it proves nothing`,
    );
  }

  /** Has statements sent that go by a lane; resolves as soon as they are on it, long before they count as long. */
  protected async boarded(texts: readonly string[], send: () => void): Promise<void> {
    const { units } = await this.figures();
    const end = performance.now() + BOARDED_WITHIN;
    send();
    while ((await this.figures()).units < units + texts.length) {
      if (performance.now() > end) throw new Error(`${texts.join('; ')} went by no lane`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
