import type { RunningProxy } from '../../src/app.ts';

const BOARDED_WITHIN = 5_000;

/** What has happened on lanes so far, over all nodes. */
export interface LaneFigures {
  readonly units: number;
  readonly rescues: number;
  readonly poisoned: number;
}

/** Eyes on the lanes of a proxy in this process. */
export abstract class LaneWatch {
  abstract readonly proxy: RunningProxy;

  async figures(): Promise<LaneFigures> {
    const [source] = await this.proxy.figures();
    const sum = { units: 0, rescues: 0, poisoned: 0 };
    for (const { laneUnits, laneRescues, lanePoisoned } of source?.counters.nodes ?? []) {
      sum.units += laneUnits;
      sum.rescues += laneRescues;
      sum.poisoned += lanePoisoned;
    }
    return sum;
  }

  /** What happens on lanes meanwhile. */
  async during(work: () => Promise<unknown>): Promise<LaneFigures> {
    const before = await this.figures();
    await work();
    const after = await this.figures();
    return {
      units: after.units - before.units,
      rescues: after.rescues - before.rescues,
      poisoned: after.poisoned - before.poisoned,
    };
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
