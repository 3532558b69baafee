import type { Control, Fenced } from '../../../src/core/engine.ts';
import {
  type NodeId,
  type NodeSpec,
  nodeId,
  type Observation,
  type ProbeFailure,
  type Seen,
  type SyncRequirement,
} from '../../../src/core/node.ts';
import type { Target } from '../../../src/core/wire.ts';
import type { ManualClock } from './clock.ts';
import { beginning, branchOf, fork, type Place, positions, textOf, write } from './history.ts';

export interface Server {
  readonly spec: NodeSpec;
  /** `hung`: its sockets are open and nobody answers. */
  life: 'runs' | 'dead' | 'hung' | 'starting';
  role: 'primary' | 'replica';
  place: Place;
  /** The node it streams from, if that one serves it. */
  upstream: NodeId | undefined;
  /** The proxy cannot reach it; the other servers can. */
  cutOff: boolean;
  /** Ms until it answers a probe. */
  latency: number;
  /** Bytes it stays behind what its upstream has. */
  delay: number;
  /** Its receiver is refused and starts again and again: every other look finds it active. */
  flaps?: boolean;
  /** How its next promotions go wrong. */
  promotionFails: boolean;
  identity: string;
  sync: SyncRequirement;
  others: readonly string[];
  fenced: boolean;
}

const TIMEOUT = 1_500;
const STREAM_TIMEOUT = 2_000;

/** A few made-up servers with streaming replication, and the probe and control that reach them. */
export class Cluster {
  #looks = 0;
  readonly servers = new Map<NodeId, Server>();
  /** What was done to servers, in order. */
  readonly log: string[] = [];
  readonly proofs: Fenced[] = [];
  /**
   * Nodes without branches: a fence makes them read-only, replicas are told by whom they follow, and every server
   * starts read-only.
   */
  unbranched = false;
  readonly #clock: ManualClock;
  /** When a hung server last sent something to its replicas. */
  readonly #hungSince = new Map<NodeId, number>();
  #promotions = 0;

  constructor(clock: ManualClock, names: readonly string[], priorities: readonly number[] = []) {
    this.#clock = clock;
    names.forEach((name, index) => {
      const id = nodeId(name);
      const endpoint = { host: '10.0.0.1', port: 5_001 + index };
      this.servers.set(id, {
        spec: { id, endpoint, weight: 1, priority: priorities[index] ?? 0 },
        life: 'runs',
        role: index === 0 ? 'primary' : 'replica',
        place: beginning,
        upstream: index === 0 ? undefined : nodeId(names[0] ?? ''),
        cutOff: false,
        latency: 1,
        delay: 0,
        promotionFails: false,
        identity: 'c-1',
        sync: { needed: 0, listed: 0 },
        others: [],
        fenced: false,
      });
    });
  }

  get specs(): NodeSpec[] {
    return [...this.servers.values()].map((server) => server.spec);
  }

  get writable(): NodeId[] {
    return [...this.servers.values()]
      .filter((server) => server.life === 'runs' && server.role === 'primary')
      .map((server) => server.spec.id);
  }

  of(name: string): Server {
    const server = this.servers.get(nodeId(name));
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }

  kill(name: string): void {
    this.of(name).life = 'dead';
  }

  hang(name: string): void {
    this.of(name).life = 'hung';
    this.#hungSince.set(nodeId(name), this.#clock.now());
  }

  start(name: string): void {
    const server = this.of(name);
    if (this.unbranched && server.life === 'dead') server.role = 'replica';
    server.life = 'runs';
  }

  /** Something is written on a server, and its replicas get it at once but for their delay. */
  write(name: string, bytes = 100): void {
    const server = this.of(name);
    server.place = write(server.place, bytes);
    this.#stream();
  }

  /** Somebody else promotes a server. */
  promoteOutside(name: string): void {
    const server = this.of(name);
    server.role = 'primary';
    server.upstream = undefined;
    server.place = fork(server.place, `${name}-${++this.#promotions}`);
  }

  follow(name: string, upstream: string): void {
    this.of(name).upstream = nodeId(upstream);
    this.#stream();
  }

  /** A fresh copy. */
  copy(name: string, from: string): void {
    const server = this.of(name);
    server.life = 'runs';
    server.role = 'replica';
    server.place = this.of(from).place;
    server.upstream = nodeId(from);
    server.fenced = false;
    server.flaps = false;
  }

  #stream(): void {
    for (const server of this.servers.values()) {
      const upstream = this.#sender(server);
      if (upstream === undefined || upstream.life !== 'runs') continue;
      const there = { ...upstream.place, at: upstream.place.at - server.delay };
      if (positions.compare(textOf(server.place), textOf(there)) === 'before') server.place = there;
      else if (there.line.length > server.place.line.length && server.place.at <= there.at)
        server.place = there;
    }
  }

  /** Whom a replica receives from: its upstream, if that is there and shares its history. */
  #sender(server: Server): Server | undefined {
    if (server.role !== 'replica' || server.upstream === undefined) return undefined;
    const upstream = this.servers.get(server.upstream);
    if (upstream === undefined || upstream.life === 'dead' || upstream.life === 'starting') return undefined;
    const hungSince = this.#hungSince.get(upstream.spec.id) ?? 0;
    if (upstream.life === 'hung' && this.#clock.now() - hungSince >= STREAM_TIMEOUT) return undefined;
    const shares = positions.compare(textOf(server.place), textOf(upstream.place)) !== 'diverged';
    return shares ? upstream : undefined;
  }

  readonly probe = {
    observe: async (target: Target): Promise<Observation> => {
      const server = this.of(target.node);
      const askedAt = this.#clock.now();
      const failure = failureOf(server);
      await this.#clock.wait(failure === 'timeout' ? TIMEOUT : server.latency);
      const late = failure === 'timeout' ? failure : failureOf(server);
      if (late !== undefined) {
        const message = `the made-up server is ${server.life}`;
        return { kind: 'unseen', node: target.node, askedAt, at: this.#clock.now(), failure: late, message };
      }
      return this.#seen(server, askedAt);
    },
  };

  #flapping(server: Server): boolean {
    if (server.flaps !== true) return false;
    this.#looks++;
    return this.#looks % 2 === 0;
  }

  #seen(server: Server, askedAt: number): Seen {
    this.#stream();
    const sender = this.#sender(server);
    const from = sender && `${sender.spec.endpoint.host}:${sender.spec.endpoint.port}`;
    return {
      kind: 'seen',
      node: server.spec.id,
      askedAt,
      at: this.#clock.now(),
      role: server.role,
      identity: server.identity,
      branch: this.#branchOf(server),
      position: textOf(server.place),
      received: textOf(server.place),
      receiving:
        server.role === 'replica' && !(this.unbranched && server.upstream === undefined)
          ? { active: sender !== undefined || this.#flapping(server), from }
          : undefined,
      sync: server.sync,
      version: '1.0',
      otherProxies: server.others,
    };
  }

  readonly control: Control = {
    fence: (target) => this.#do(`fence ${target.node}`, target, (server) => this.#fence(server, true)),
    unfence: (target) => this.#do(`unfence ${target.node}`, target, (server) => this.#fence(server, false)),
    promote: async (target, proof) => {
      this.proofs.push(proof);
      await this.#do(`promote ${target.node}`, target, (server) => {
        if (server.promotionFails) throw new Error('it refuses');
        if (server.role === 'replica') this.promoteOutside(target.node);
      });
      return { branch: this.#branchOf(this.of(target.node)) };
    },
    follow: (target, primary) =>
      this.#do(`follow ${target.node} ${primary.node}`, target, (server) => {
        const there = this.of(primary.node);
        if (this.unbranched && positions.compare(textOf(server.place), textOf(there.place)) === 'after')
          throw new Error(`it has what ${primary.node} lacks`);
        this.follow(target.node, primary.node);
        if (this.#sender(server) === undefined) throw new Error('it does not receive');
      }),
  };

  #fence(server: Server, fenced: boolean): void {
    server.fenced = fenced;
    if (!this.unbranched || server.upstream !== undefined) return;
    server.role = fenced ? 'replica' : 'primary';
  }

  #branchOf(server: Server): string {
    return this.unbranched ? '' : branchOf(server.place);
  }

  async rejoin(node: NodeId, primary: NodeId): Promise<void> {
    this.log.push(`rejoin ${node} ${primary}`);
    await this.#clock.wait(50);
    this.copy(node, primary);
  }

  async #do(what: string, target: Target, effect: (server: Server) => void): Promise<void> {
    this.log.push(what);
    const server = this.of(target.node);
    await this.#clock.wait(20);
    if (failureOf(server) !== undefined) throw new Error(`${target.node} does not answer`);
    effect(server);
  }
}

function failureOf(server: Server): ProbeFailure | undefined {
  if (server.cutOff || server.life === 'hung') return 'timeout';
  if (server.life === 'dead') return 'refused';
  return server.life === 'starting' ? 'starting' : undefined;
}
