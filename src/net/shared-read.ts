import type { OnReadOpts, Socket } from 'node:net';

/** As much as Node reads at once. */
const READ_BYTES = 65_536;

/**
 * Option of a socket: what it receives is read into one buffer that serves all sockets, and each `data` event brings a
 * copy of just that. Without it Node allocates as much as a read may bring for every single one, and registers it with
 * V8: for short messages that costs more than the copy.
 */
export const onread: OnReadOpts = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: emitCopy };

function emitCopy(this: Socket, length: number, buffer: Uint8Array): boolean {
  const copy = Buffer.allocUnsafe(length);
  copy.set(length === buffer.length ? buffer : buffer.subarray(0, length));
  this.emit('data', copy);
  return true;
}
