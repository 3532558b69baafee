import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { selfSigned } from '../test/support/certificate.ts';
import type { Arena } from './arena.ts';
import { figure, median, table } from './figures.ts';
import type { Aim } from './pgbench.ts';
import { answers, Started, withFiles } from './process.ts';
import { NODE_OPTIONS, startProxy } from './proxy.ts';

/** Files that a program has open besides its clients' sockets. */
const OTHER_FILES = 1_000;
const COLLECTING = ['--expose-gc', '--import', resolve(import.meta.dirname, 'collect.ts')];
const CONNECTED_WITHIN = 300_000;
/** The part of the clients that comes first and is not counted: code is loaded, V8's young generation has grown. */
const FIRST = 0.5;
/** Memory is at rest when it has moved less than this for so many looks in a row. */
const REST_BYTES = 256 * 1_024;
const LOOKS = 4;
const LOOK_EVERY = 500;
const MOST_LOOKS = 60;

type Security = 'plain' | 'tls';
/** What the clients have done before they fell silent: nothing at all, a log-in, a log-in and one query. */
export type Kind = 'bare' | 'session' | 'used';

export interface IdleOptions {
  /** That are counted. */
  readonly clients: number;
  readonly rounds: number;
  readonly security: Security;
}

/** What one server grew by, in resident bytes per client. */
export interface Growth {
  /** Of clients that join others, between two collections of garbage. */
  readonly held: number;
  /** Since its start, nothing collected: what log-ins leave behind and what V8 reserves is counted in. */
  readonly whole: number;
}

/** One value a round. */
export type IdleScores = Readonly<Record<Kind, readonly Growth[]>>;

/** Resident memory per idle client, in turn with a bare socket (plain or TLS) in another Node process. */
export async function measureIdle(arena: Arena, options: IdleOptions): Promise<IdleScores> {
  const { rounds, security } = options;
  const certificate = security === 'tls' ? await certificateIn(arena.folder) : undefined;
  const scores: Record<Kind, Growth[]> = { bare: [], session: [], used: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of ['bare', 'session', 'used'] as const) {
      arena.signal.throwIfAborted();
      scores[kind].push(await growthOf(arena, kind, options.clients, certificate));
    }
  }
  return scores;
}

/** Files of a certificate and its key, as PEM. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export async function certificateIn(folder: string): Promise<Certificate> {
  const { cert, key } = selfSigned();
  const files = { cert: join(folder, 'bench.crt'), key: join(folder, 'bench.key') };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key, { mode: 0o600 });
  return files;
}

/** Bytes of a client above the bare socket: the median of the differences of each round. */
function above(scores: IdleScores, kind: Kind, what: keyof Growth): number {
  return median(scores[kind].map((growth, at) => growth[what] - (scores.bare[at]?.[what] ?? Number.NaN)));
}

export function idleTable(scores: IdleScores): string {
  const names: Record<Kind, string> = {
    bare: 'bare Node socket',
    session: 'Pointsman, logged in',
    used: 'Pointsman, after a query',
  };
  const rows = (['bare', 'session', 'used'] as const).map((kind) => [
    names[kind],
    ...(['held', 'whole'] as const).flatMap((what) => {
      const values = scores[kind].map((growth) => growth[what]);
      const all = values.map((value) => figure(value)).join(' ');
      return [figure(median(values)), figure(above(scores, kind, what)), all];
    }),
  ]);
  return table(['server', 'held', 'above bare', 'rounds', 'since start', 'above bare', 'rounds'], rows);
}

async function growthOf(
  arena: Arena,
  kind: Kind,
  clients: number,
  certificate: Certificate | undefined,
): Promise<Growth> {
  const port = await arena.nextPort();
  const aim = { ...arena.direct, port };
  const files = Math.ceil(clients * (1 + FIRST)) + OTHER_FILES;
  await using server =
    kind === 'bare'
      ? await startBare(port, certificate, files)
      : await startProxy(arena, {
          name: `pointsman-idle-${port}`,
          port,
          adminPort: await arena.nextPort(),
          reads: 'replicas',
          poolSize: 20,
          nodeOptions: COLLECTING,
          files,
          ...(certificate === undefined ? {} : { tls: certificate }),
        });
  return await grown(
    server,
    { aim, kind, clients, security: certificate === undefined ? 'plain' : 'tls' },
    files,
  );
}

interface Crowd {
  readonly aim: Aim;
  readonly kind: Kind;
  readonly clients: number;
  readonly security: Security;
}

/** What `server` grew by, per client, while they are connected and silent. */
async function grown(
  server: Started,
  { aim, kind, clients, security }: Crowd,
  files: number,
): Promise<Growth> {
  const first = Math.ceil(clients * FIRST);
  const atStart = await atRest(server);
  await using crowd = idleClients(aim, kind, security, files);
  await more(crowd, first);
  const before = await collected(server);
  await more(crowd, clients);
  const full = await atRest(server);
  const after = await collected(server);
  return { held: (after - before) / clients, whole: (full - atStart) / (clients + first) };
}

/** A process of silent clients, none yet. `more` brings them. */
function idleClients(aim: Aim, kind: Kind, security: Security, files: number): Started {
  const { port, user, password, database } = aim;
  const args = [kind, security, String(port), user, password, database];
  return new Started('idle clients', program('idle-clients.ts', args, [], files));
}

/** Brings so many more clients; rejects when one of them or of those before cannot stay. */
async function more(crowd: Started, clients: number): Promise<void> {
  crowd.tell(clients);
  await crowd.heard(CONNECTED_WITHIN);
}

async function startBare(
  port: number,
  certificate: Certificate | undefined,
  files: number,
): Promise<Started> {
  const pems = certificate === undefined ? [] : [certificate.cert, certificate.key];
  const command = program('bare-server.ts', [String(port), ...pems], [...NODE_OPTIONS, ...COLLECTING], files);
  const server = new Started('a bare server', command);
  await server.ready(() => answers(port));
  return server;
}

/** Resident bytes without garbage. */
async function collected(server: Started): Promise<number> {
  server.signal('SIGUSR2');
  return atRest(server);
}

/** Resident bytes once they no longer change. */
async function atRest(server: Started): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  let calm = 0;
  for (let look = 0; look < MOST_LOOKS && calm < LOOKS; look++) {
    const bytes = server.residentBytes;
    least = Math.min(least, bytes);
    most = Math.max(most, bytes);
    calm++;
    if (most - least > REST_BYTES) {
      least = bytes;
      most = bytes;
      calm = 0;
    }
    await pause(LOOK_EVERY);
  }
  return server.residentBytes;
}

/** One of the programs beside this file, with room for so many open files. */
function program(file: string, args: readonly string[], options: readonly string[], files: number): string[] {
  return withFiles(files, [process.execPath, ...options, resolve(import.meta.dirname, file), ...args]);
}
