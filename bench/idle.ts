import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Arena, openArena } from './arena.ts';
import { figure, median, table } from './figures.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import type { Aim } from './pgbench.ts';
import { answers, Started } from './process.ts';
import { startProxy } from './proxy.ts';
import type { Say } from './say.ts';

/** Bytes that a client may cost beyond a bare socket. */
const BAR = 4_000;
/** Sessions that come and go before, so that what is loaded and compiled once is not counted as theirs. */
const REHEARSAL = 100;
const CONNECTED_WITHIN = 300_000;
/** Memory is at rest when it has moved less than this for so many looks in a row. */
const REST_BYTES = 256 * 1_024;
const LOOKS = 6;
const LOOK_EVERY = 500;
const MOST_LOOKS = 60;

/** Resident memory per idle client, in turn with a bare socket. Gives the exit code: 1 if the bar was missed. */
export async function idle(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  await using arena = await openArena(options, signal);
  const [clients = 0] = options.clients;
  say(machineLine());
  say(`${nodeLine()}; ${clients} idle clients, ${options.rounds} rounds in turn\n`);
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    signal.throwIfAborted();
    bare.push(await bareRound(arena, clients));
    ours.push(await proxyRound(arena, clients));
  }
  const row = (name: string, bytes: readonly number[]): string[] => [
    name,
    figure(median(bytes)),
    figure(median(bytes) - median(bare)),
    bytes.map((one) => figure(one)).join(' '),
  ];
  const head = ['server', 'bytes per client', 'above bare', 'rounds'];
  say(table(head, [row('bare Node socket', bare), row('Pointsman, logged in', ours)]));
  const extra = median(ours) - median(bare);
  const met = extra <= BAR;
  say(`\n${met ? 'met' : 'MISSED'}: ${figure(extra)} bytes above the bare socket; the bar is ${figure(BAR)}`);
  return met ? 0 : 1;
}

async function bareRound(arena: Arena, clients: number): Promise<number> {
  const [port = 0] = arena.ports;
  await using server = program('a bare server', 'bare-server.ts', [String(port)], clients);
  await server.ready(() => answers(port));
  return await perClient(server, { ...arena.direct, port }, 'bare', clients);
}

async function proxyRound(arena: Arena, clients: number): Promise<number> {
  const [, port = 0, adminPort = 0] = arena.ports;
  await using proxy = await startProxy(arena, {
    name: 'pointsman-idle',
    port,
    adminPort,
    reads: 'replicas',
    poolSize: 20,
  });
  return await perClient(proxy, { ...arena.direct, port }, 'session', clients);
}

/** What `server` grew by, per client, while they are connected and silent. */
async function perClient(
  server: Started,
  aim: Aim,
  kind: 'bare' | 'session',
  clients: number,
): Promise<number> {
  await connected(aim, kind, REHEARSAL, async () => undefined);
  const before = await atRest(server);
  return connected(aim, kind, clients, async () => ((await atRest(server)) - before) / clients);
}

/** Runs `then` while so many clients are connected; they are in a process of their own. */
async function connected<T>(
  aim: Aim,
  kind: 'bare' | 'session',
  clients: number,
  then: () => Promise<T>,
): Promise<T> {
  const args = [kind, String(aim.port), String(clients), aim.user, aim.password, aim.database];
  await using group = program(`${clients} idle clients`, 'idle-clients.ts', args, clients);
  await group.heard(CONNECTED_WITHIN);
  return await then();
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
  const path = resolve(import.meta.dirname, file);
  const script = `ulimit -n ${clients + 1_000}; exec "$0" "$@"`;
  return new Started(name, ['/bin/sh', '-c', script, process.execPath, path, ...args]);
}
