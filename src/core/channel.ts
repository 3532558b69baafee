/** What the owner of a channel is told. Calls never overlap and stop after `closed`. */
export interface ChannelHandler {
  bytes(chunk: Buffer): void;
  /** All that was written has left after a `write` that returned false. */
  drained(): void;
  /** The other side is gone, or `destroy` was called. Called once. */
  closed(error: Error | undefined): void;
}

/**
 * A stream of bytes to a client or a server: a socket, plain or TLS. During start-up its owner reads exact
 * amounts with `read`; then `attach` hands everything on to a handler, at no cost of a promise a chunk.
 */
export interface Channel {
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  readonly closed: boolean;
  /** Bytes received and not yet read. Before TLS starts this must be 0. */
  readonly buffered: number;
  /** Exactly `length` bytes; rejects with a ProxyError when the channel closes first. */
  read(length: number): Promise<Buffer>;
  attach(handler: ChannelHandler): void;
  /** Undoes `attach`: what comes is read with `read` again, after `unread`. */
  detach(unread: Buffer): void;
  /** False: more than the high-water mark waits; the writer should stop until `drained`. */
  write(bytes: Uint8Array): boolean;
  /** Bytes written that the other side has not taken yet. */
  readonly unsent: number;
  /** Stops and restarts the flow of `bytes`. */
  pause(): void;
  resume(): void;
  /** Sends what waits, then closes; destroyed after a short bound if the other side does not read. */
  end(bytes?: Uint8Array): void;
  destroy(): void;
}
