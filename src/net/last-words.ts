import type { Socket } from 'node:net';

/** How long reading what the other side has sent may take, once it takes nothing any more, in ms. */
const READ_WITHIN = 1_000;

type Written = (error?: Error | null) => void;

/**
 * Node closes a socket at the first write that fails, with all that has arrived and was not read: a server's reason for
 * ending the connection too. Here a write that fails stays under way instead, and all behind it waits: reading goes on
 * to the end, which closes the socket. If none comes within a bound, the write's error does.
 */
export function hearLastWords<S extends Socket>(socket: S): S {
  const { _write: write, _writev: writev } = socket;
  let given: Written | undefined;
  let kept: Written | undefined;
  // A stream gives the same callback with every write.
  const keep = (callback: Written): Written => {
    if (kept === undefined || given !== callback) kept = keeping(socket, callback);
    given = callback;
    return kept;
  };
  socket._write = (chunk, encoding, callback) => write.call(socket, chunk, encoding, keep(callback));
  if (writev !== undefined)
    socket._writev = (chunks, callback) => writev.call(socket, chunks, keep(callback));
  return socket;
}

function keeping(socket: Socket, callback: Written): Written {
  return (error) => {
    if (!error || socket.destroyed) {
      callback(error);
      return;
    }
    const bound = setTimeout(callback, READ_WITHIN, error);
    bound.unref();
    socket.once('close', () => clearTimeout(bound));
  };
}
