import { randomBytes } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, serverAccount } from './account.ts';
import type { Row } from './ask.ts';
import { type Credentials, freshCredentials } from './credentials.ts';
import { checkReach, makeFolder } from './folder.ts';
import { Guard } from './guard.ts';
import { readKept } from './kept.ts';
import type { Member } from './member.ts';
import { anyPorts, requireFree } from './ports.ts';
import type { StopMode } from './server.ts';

export type EngineName = 'postgres' | 'mysql' | 'mariadb';

export interface ClusterOptions {
  /** One port of 127.0.0.1 a node; left out: the system picks. */
  readonly ports?: readonly number[];
  /** Nodes that replicate; 2 if left out. */
  readonly replicas?: number;
  /** Where the data lies: made if missing, taken up again if it holds a cluster. Left out: a temporary folder. */
  readonly folder?: string;
  /** The folder outlives the cluster. */
  readonly keep?: boolean;
  /** A commit is acknowledged when a replica holds it, and waits as long as none is there. */
  readonly synchronous?: boolean;
  /** Server settings on top of the cluster's own, in the engine's words, e.g. `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A server that dies unexpectedly is started again after so long, as a service manager would. */
  readonly supervise?: { readonly restartAfterMs: number };
  /** Hears what happens to the nodes by itself; must not throw. */
  readonly told?: (event: ClusterEvent) => void;
}

export type ClusterEvent =
  | { readonly kind: 'died' | 'restarted' | 'rejoining' | 'rejoined'; readonly node: string }
  | { readonly kind: 'restart-failed'; readonly node: string; readonly reason: string };

export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  /** The server's process id; undefined while it is not running. */
  readonly pid: number | undefined;
  readonly dataFolder: string;
}

/** How the nodes of each engine are called: the word before their number. */
const NAMES: Readonly<Record<EngineName, string>> = { postgres: 'pg', mysql: 'my', mariadb: 'maria' };

/** The name of a cluster's node, the first is 1. */
export function nodeName(engine: EngineName, number: number): string {
  return `${NAMES[engine]}-${number}`;
}

/** Where and as whom a cluster runs, and what sweeps up after it. */
export interface Ground {
  readonly engine: EngineName;
  readonly folder: string;
  readonly account: Account | undefined;
  readonly credentials: Credentials;
  readonly guard: Guard;
  /** The word by which the cluster's processes are found; the servers' marks begin with it. */
  readonly mark: string;
  /** A node each. */
  readonly ports: readonly number[];
}

/** Makes ready what any cluster needs before its servers. Rejects with a ProxyError, and leaves nothing then. */
export async function prepareGround(engine: EngineName, options: ClusterOptions): Promise<Ground> {
  const kept = options.folder === undefined ? undefined : await readKept(options.folder, engine);
  const count = kept?.nodes.length ?? (options.replicas ?? 2) + 1;
  const given = options.ports ?? (await anyPorts(count));
  if (given.length < count) throw new RangeError(`${count} nodes need ${count} ports`);
  const ports = given.slice(0, count);
  const account = await serverAccount();
  const folder = await makeFolder(options.folder, account);
  const mark = `pointsman-${randomBytes(4).toString('hex')}`;
  const guard = new Guard({ mark, folder, keep: options.keep === true });
  const credentials = kept?.credentials ?? freshCredentials(engine);
  const ground = { engine, folder, account, credentials, guard, mark, ports };
  try {
    for (const [index, port] of ports.entries()) await requireFree(port, nodeName(engine, index + 1));
    await checkReach(folder, account);
    return ground;
  } catch (error) {
    await leaveGround(ground);
    throw error;
  }
}

/** Takes back what `prepareGround` did, where no cluster was made. */
export async function leaveGround({ guard, folder }: Ground): Promise<void> {
  await guard.close();
  await rmdir(folder).catch(() => undefined);
}

/** What a node's server is made of, by its number. */
export interface Plot {
  readonly id: string;
  readonly number: number;
  readonly port: number;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly mark: string;
}

export function plots({ engine, folder, mark, ports }: Ground): Plot[] {
  return ports.map((port, index) => {
    const id = nodeName(engine, index + 1);
    return {
      id,
      number: index + 1,
      port,
      dataFolder: join(folder, id),
      logFile: join(folder, `${id}.log`),
      mark: `${mark}-${id}`,
    };
  });
}

/**
 * A real cluster on 127.0.0.1, one primary and its replicas, whatever the engine. It owns all their processes
 * and, unless kept, their folder; a guard process ends both should this process die first.
 */
export abstract class DatabaseCluster implements AsyncDisposable {
  readonly engine: EngineName;
  readonly credentials: Credentials;
  readonly folder: string;
  /** The word by which the cluster's processes are found on this machine. */
  readonly mark: string;
  protected readonly members: readonly Member[];
  readonly #options: ClusterOptions;
  readonly #guard: Guard;
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  protected constructor(ground: Ground, members: readonly Member[], options: ClusterOptions) {
    this.engine = ground.engine;
    this.credentials = ground.credentials;
    this.folder = ground.folder;
    this.mark = ground.mark;
    this.members = members;
    this.#options = options;
    this.#guard = ground.guard;
  }

  /** All nodes, the first one first. */
  get nodes(): readonly ClusterNode[] {
    return this.members.map(({ id, port, pid, dataFolder }) => ({ id, port, pid, dataFolder }));
  }

  /** The node of that name. Throws if there is none. */
  node(id: string): ClusterNode {
    const { port, pid, dataFolder } = this.member(id);
    return { id, port, pid, dataFolder };
  }

  isRunning(id: string): boolean {
    return this.member(id).isRunning;
  }

  /** Signals the server's first process alone; with SIGKILL resolves when it has ended. Children end by themselves. */
  async kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.member(id).kill(signal);
  }

  /** Stops a node in order and keeps it stopped. */
  async stop(id: string, mode: StopMode = 'fast'): Promise<void> {
    await this.member(id).stop(mode);
  }

  /** Starts a node on the data it has; resolves when it accepts connections. */
  async startNode(id: string): Promise<void> {
    await this.member(id).start();
  }

  /** Stops every process of a node where it stands (SIGSTOP), until `resume`. */
  pause(id: string): void {
    this.member(id).pause();
  }

  resume(id: string): void {
    this.member(id).resume();
  }

  /** One statement on one node, as the superuser, in the client's database. */
  abstract query(id: string, sql: string, values?: readonly unknown[]): Promise<Row[]>;

  /**
   * Ends a node, whatever it was, and makes it a replica of `primary`; resolves when it streams. If that fails
   * the node is stopped, or started again on what it has if it is supervised.
   */
  async rejoin(id: string, primary: string): Promise<void> {
    const member = this.member(id);
    const source = this.member(primary);
    await member.exclusively(async () => {
      this.#options.told?.({ kind: 'rejoining', node: id });
      await member.endNow();
      try {
        await this.renew(member, source);
      } catch (error) {
        member.restartLater();
        throw error;
      }
      this.#options.told?.({ kind: 'rejoined', node: id });
    });
  }

  /** Makes an ended node a replica of a running primary, by whatever data that takes. */
  protected abstract renew(member: Member, primary: Member): Promise<void>;

  /** Ends every process and removes the folder unless it is kept. Can be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected throwIfClosing(): void {
    this.#ending.signal.throwIfAborted();
  }

  protected member(id: string): Member {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new RangeError(`the cluster has no node ${id}`);
    return found;
  }

  /** The last that is done while the servers of a kept cluster still run. */
  protected async bequeath(): Promise<void> {}

  async #end(): Promise<void> {
    this.#ending.abort(new Error('the cluster is closing'));
    // The data of a kept cluster is stopped in order; the guard ends what does not obey.
    const keep = this.#options.keep === true;
    if (keep) await this.bequeath().catch(() => undefined);
    const mode = keep ? 'fast' : 'immediate';
    await Promise.allSettled(this.members.map((member) => member.close(mode)));
    await this.#guard.close();
  }
}
