/** Loaded ahead of a program whose memory is measured: SIGUSR2 makes it collect its garbage. */
const collect = 'gc' in globalThis ? globalThis.gc : undefined;
if (typeof collect !== 'function') throw new Error('start node with --expose-gc');
process.on('SIGUSR2', () => void collect());
