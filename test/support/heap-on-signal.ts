/** Loaded ahead of a program whose memory is watched: SIGUSR2 makes it collect its garbage and say what is left. */
const collect = 'gc' in globalThis ? globalThis.gc : undefined;
if (typeof collect !== 'function') throw new Error('start node with --expose-gc');

/** What one collection lets finalizers drop goes with the next one. */
const ROUNDS = 3;
const APART = 50;

process.on('SIGUSR2', () => {
  for (let round = 0; round < ROUNDS; round++) setTimeout(() => void collect(), round * APART);
  setTimeout(() => {
    const { heapUsed, external } = process.memoryUsage();
    process.stdout.write(`${JSON.stringify({ event: 'heap', bytes: heapUsed + external })}\n`);
  }, ROUNDS * APART);
});
