import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { acceptShared } from '../../src/net/accepted.ts';
import { ACCEPTING } from '../../src/net/listener.ts';
import type { Aim } from '../pgbench.ts';
import type { FloorEngine } from './engine.ts';
import type { FloorMode } from './floor.ts';
import { FloorLane, leastOpen, pickLane } from './lane.ts';
import { FloorLeases, type Link, newTenant } from './lease.ts';

/**
 * A bare relay in plain Node, about the least that a proxy in it can cost; its sockets read as Pointsman's do. It does
 * none of a proxy's work: no routing, no rules of a pool, no checks.
 *
 * - `lanes`: it lets everybody in, takes for granted that whatever it reads is one whole query that leaves nothing
 *   behind, sends it on one of the server connections and gives each client the bytes of its answer;
 * - `spread`: the same before several servers, with no server connection preferred;
 * - `leases`: the same, but a client has a server connection to itself until its transaction has ended (PostgreSQL);
 * - `logins`: it asks for a password with SCRAM-SHA-256, greets, and has no server behind it (PostgreSQL).
 *
 * `node server.ts lanes|spread|leases|logins LINKS postgres|mysql PORT SERVER_PORT,… USER PASSWORD DATABASE`; LINKS:
 * connections to each server.
 */
const HOST = '127.0.0.1';

type Serve = (client: Socket) => void;

const [mode = '', links, protocol, port, servers = '', user = '', password = '', database = ''] =
  process.argv.slice(2);
/** One for each connection to a server. */
const aims: readonly Aim[] = servers
  .split(',')
  .flatMap((at) =>
    Array.from({ length: Number(links) }, () => ({ port: Number(at), user, password, database })),
  );

const engineOf = async (): Promise<FloorEngine> =>
  protocol === 'postgres'
    ? (await import('./postgres.ts')).postgresFloor
    : (await import('./mysql.ts')).mysqlFloor;

/** A connection to a server, logged in. Without it there is nothing to measure. */
async function openServer({ connect }: FloorEngine, aim: Aim): Promise<Socket> {
  const socket = await connect(aim);
  socket.removeAllListeners('data');
  socket.on('close', () => {
    process.stderr.write('the server closed a connection\n');
    process.exit(1);
  });
  return socket;
}

/** Lets a client in; what it sends from then on is a request. */
async function serve(engine: FloorEngine, client: Socket, ask: (request: Buffer) => void): Promise<void> {
  try {
    await engine.admit(client);
  } catch {
    // It left while it was let in.
    return void client.destroy();
  }
  client.on('data', (request: Buffer) => {
    if (engine.isGoodbye(request)) client.end();
    else ask(request);
  });
}

async function onLanes(pick: (lanes: readonly FloorLane[]) => FloorLane): Promise<Serve> {
  const engine = await engineOf();
  const lanes: FloorLane[] = [];
  for (const aim of aims) {
    const server = await openServer(engine, aim);
    const lane = new FloorLane(server, engine.answerEnd);
    server.on('data', (chunk: Buffer) => lane.take(chunk));
    lanes.push(lane);
  }
  return (client) => void serve(engine, client, (request) => pick(lanes).ask(request, client));
}

async function onLeases(): Promise<Serve> {
  const { postgresFloor: engine, isAtRest } = await import('./postgres.ts');
  const leases = new FloorLeases(engine.answerEnd, isAtRest);
  const servers = new Map<Link, { readonly server: Socket; readonly aim: Aim }>();
  const open = async (aim: Aim): Promise<void> => {
    const server = await openServer(engine, aim);
    const link = leases.add(server);
    servers.set(link, { server, aim });
    server.on('data', (chunk: Buffer) => leases.take(link, chunk));
  };
  for (const aim of aims) await open(aim);
  return (client) => {
    const tenant = newTenant(client);
    client.on('close', () => {
      const link = leases.leave(tenant);
      const left = link && servers.get(link);
      if (link === undefined || left === undefined) return;
      // It left within a transaction: the server ends that with the connection.
      left.server.removeAllListeners().destroy();
      servers.delete(link);
      void open(left.aim);
    });
    void serve(engine, client, (request) => leases.ask(tenant, request));
  };
}

async function logIns(): Promise<Serve> {
  const { FloorLogin } = await import('./login.ts');
  const { NONCE_BYTES } = await import('../../src/postgres/scram.ts');
  const { challengeOf } = await import('../../src/postgres/scram-keys.ts');
  // Derived once, as Pointsman does.
  const verifier = await challengeOf(user, password).verifier;
  return (client) => {
    const login = new FloorLogin(client, verifier, randomBytes(NONCE_BYTES).toString('base64'));
    client.on('data', (bytes: Buffer) => {
      try {
        if (!login.take(bytes)) client.end();
      } catch {
        client.destroy();
      }
    });
  };
}

const MODES: Readonly<Record<FloorMode, () => Promise<Serve>>> = {
  lanes: () => onLanes(pickLane),
  spread: () => onLanes(leastOpen),
  leases: onLeases,
  logins: logIns,
};

process.on('disconnect', () => process.exit(0));
const attend = await MODES[mode as FloorMode]();
const server = createServer({ pauseOnConnect: true });
server.listen({ host: HOST, port: Number(port), backlog: ACCEPTING.backlog }, () =>
  acceptShared(server, ACCEPTING, (client) => {
    client.on('error', () => undefined);
    attend(client);
  }),
);
