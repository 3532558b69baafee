const EVERY = 20;

/** Waits until `holds` gives true, asking every 20 ms; false when `withinMs` have passed first. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

/** Waits for `work`, but no longer than `ms`; whether it ends well does not matter. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let bound: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    bound = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), over]);
  clearTimeout(bound);
}
