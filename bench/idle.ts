import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Arena, openArena } from './arena.ts';
import { figure, median, table } from './figures.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import type { Aim } from './pgbench.ts';
import { answers, Started, withFiles } from './process.ts';
import { startProxy } from './proxy.ts';
import type { Say } from './say.ts';

/** Bytes that a client may cost beyond a bare socket. */
const BAR = 4_000;
/** Files that a program has open besides its clients' sockets. */
const OTHER_FILES = 1_000;
const COLLECTING = ['--expose-gc', '--import', resolve(import.meta.dirname, 'collect.ts')];
const CONNECTED_WITHIN = 300_000;
/** Memory is at rest when it has moved less than this for so many looks in a row. */
const REST_BYTES = 256 * 1_024;
const LOOKS = 5;
const LOOK_EVERY = 500;
const MOST_LOOKS = 60;

/** What one server grew by, in bytes per client. */
interface Growth {
  /**
   * Between two collections of garbage, after as many clients had come and gone: so the code they load and the
   * young generation, which V8 lets grow once for the life of the process, are not counted as theirs.
   */
  readonly held: number;
  /** Since its start, without a collection: garbage of the log-ins and what V8 reserves counted in. */
  readonly whole: number;
}

/** Resident memory per idle client, in turn with a bare socket. Gives the exit code: 1 if the bar was missed. */
export async function idle(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  await using arena = await openArena(options, signal);
  const [clients = 0] = options.clients;
  say(machineLine());
  say(
    `${nodeLine()}; ${clients} idle clients, ${options.rounds} rounds in turn; bytes resident per client\n`,
  );
  const bare: Growth[] = [];
  const ours: Growth[] = [];
  for (let round = 0; round < options.rounds; round++) {
    signal.throwIfAborted();
    bare.push(await bareRound(arena, clients));
    ours.push(await proxyRound(arena, clients));
  }
  say(growthTable(bare, ours));
  const above = (kind: keyof Growth): number =>
    median(ours.map((growth) => growth[kind])) - median(bare.map((growth) => growth[kind]));
  const met = above('held') <= BAR && above('whole') <= BAR;
  const found = `${figure(above('held'))} bytes held and ${figure(above('whole'))} since start above the bare socket`;
  say(`\n${met ? 'met' : 'MISSED'}: ${found}; the bar is ${figure(BAR)} for both`);
  return met ? 0 : 1;
}

function growthTable(bare: readonly Growth[], ours: readonly Growth[]): string {
  const row = (name: string, growths: readonly Growth[]): string[] =>
    [name].concat(
      (['held', 'whole'] as const).flatMap((kind) => {
        const [values, base] = [growths, bare].map((of) => of.map((growth) => growth[kind]));
        const extra = median(values ?? []) - median(base ?? []);
        return [
          figure(median(values ?? [])),
          figure(extra),
          (values ?? []).map((one) => figure(one)).join(' '),
        ];
      }),
    );
  const head = ['server', 'held', 'above bare', 'rounds', 'since start', 'above bare', 'rounds'];
  return table(head, [row('bare Node socket', bare), row('Pointsman, logged in', ours)]);
}

async function bareRound(arena: Arena, clients: number): Promise<Growth> {
  const [port = 0] = arena.ports;
  await using server = program('a bare server', 'bare-server.ts', [String(port)], clients);
  await server.ready(() => answers(port));
  return await growth(server, { ...arena.direct, port }, 'bare', clients);
}

async function proxyRound(arena: Arena, clients: number): Promise<Growth> {
  const [, port = 0, adminPort = 0] = arena.ports;
  await using proxy = await startProxy(arena, {
    name: 'pointsman-idle',
    port,
    adminPort,
    reads: 'replicas',
    poolSize: 20,
    nodeOptions: COLLECTING,
    files: clients + OTHER_FILES,
  });
  return await growth(proxy, { ...arena.direct, port }, 'session', clients);
}

/** What `server` grew by, per client, while they are connected and silent. */
async function growth(server: Started, aim: Aim, kind: Kind, clients: number): Promise<Growth> {
  const atStart = await atRest(server);
  await using passing = group(aim, kind, 'pass', clients);
  await passing.heard(CONNECTED_WITHIN);
  await passing.stop();
  const before = await collected(server);
  await using holding = group(aim, kind, 'hold', clients);
  await holding.heard(CONNECTED_WITHIN);
  const full = await atRest(server);
  const after = await collected(server);
  return { held: (after - before) / clients, whole: (full - atStart) / clients };
}

/** Resident bytes without garbage. */
async function collected(server: Started): Promise<number> {
  server.signal('SIGUSR2');
  return atRest(server);
}

type Kind = 'bare' | 'session';

/** So many clients, in a process of their own. */
function group(aim: Aim, kind: Kind, stay: 'pass' | 'hold', clients: number): Started {
  const { port, user, password, database } = aim;
  const args = [kind, stay, String(port), String(clients), user, password, database];
  return program(`${clients} idle clients`, 'idle-clients.ts', args, clients);
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

/** One of the programs beside this file, with room for `clients` sockets. */
function program(name: string, file: string, args: readonly string[], clients: number): Started {
  const command = [process.execPath, ...COLLECTING, resolve(import.meta.dirname, file), ...args];
  return new Started(name, withFiles(clients + OTHER_FILES, command));
}
