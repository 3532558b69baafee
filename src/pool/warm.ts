import type { Settings } from '../core/settings.ts';
import type { Link } from './link.ts';

/** Links that are open and that nobody uses, the most recently used last. Times are monotonic ms. */
export class WarmLinks {
  readonly #links: { link: Link; since: number }[] = [];

  get length(): number {
    return this.#links.length;
  }

  /** Since when the coldest has not been used. */
  get coldestSince(): number | undefined {
    return this.#links[0]?.since;
  }

  add(link: Link, now: number): void {
    this.#links.push({ link, since: now });
  }

  /** The most recently used. */
  take(): Link | undefined {
    return this.#links.pop()?.link;
  }

  /** The most recently used of those that were opened after `from` and whose settings suit. */
  takeLike(suits: (settings: Settings) => boolean, from: number): Link | undefined {
    const at = this.#links.findLastIndex(({ link }) => suits(link.settings) && link.createdAt > from);
    return at < 0 ? undefined : this.#links.splice(at, 1)[0]?.link;
  }

  /** The one that has not been used for the longest time. */
  takeColdest(): Link | undefined {
    return this.#links.shift()?.link;
  }

  remove(link: Link): void {
    const at = this.#links.findIndex((warm) => warm.link === link);
    if (at >= 0) this.#links.splice(at, 1);
  }

  clear(): void {
    this.#links.length = 0;
  }
}
