import { changed, difference, noSettings, type Settings } from '../../../src/core/settings.ts';
import type { Outcome, Plan, SessionFacts, Unit } from '../../../src/core/wire.ts';
import { MysqlClient } from '../../../src/mysql/client.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { FULL_TRAITS, type Traits } from '../../../src/mysql/reply.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';
import type { End, Linked } from './linked.ts';

/** Links that several sessions take turns on, with the settings that hold there. */
export class Links {
  readonly links: readonly Linked[];
  readonly settings = new Map<Linked, Settings>();
  #turn = 0;

  constructor(links: readonly Linked[]) {
    this.links = links;
    for (const link of links) this.settings.set(link, noSettings);
  }

  next(): Linked {
    const link = this.links[this.#turn++ % this.links.length];
    if (link === undefined) throw new Error('no links');
    return link;
  }
}

/** The client half of a session on links that change with every statement outside a transaction. */
export class Pooled {
  readonly #channel = new MemoryChannel();
  readonly #client: MysqlClient;
  readonly #links: Links;
  #settings: Settings;
  #held: Unit | undefined;
  #status: Outcome['status'] = 'idle';
  #link: Linked | undefined;
  #pinned = false;
  readonly #version: string;
  readonly #greeting: SessionFacts['greeting'];

  constructor(links: Links, id: number, settings: Settings, traits: Traits = FULL_TRAITS) {
    this.#links = links;
    this.#settings = settings;
    const [first] = links.links;
    if (first === undefined) throw new Error('no links');
    this.#greeting = first.opened.greeting;
    this.#version = this.#greeting.parameters.get('version') ?? '';
    const login: MysqlLogin = {
      channel: this.#channel,
      user: 'u',
      database: '',
      links: { database: '', options: '' },
      settings,
      replication: false,
      secretLength: 0,
      id,
      capabilities: 0,
      traits,
      collation: 255,
      attributes: new Map(),
      version: this.#version,
      challenge: Buffer.alloc(20),
      statements: { last: 0 },
    };
    this.#client = new MysqlClient(login);
  }

  /** Why the session would be kept on its link. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /** What the client gets for a command. */
  async answer(bytes: Buffer): Promise<Buffer> {
    this.#channel.written = Buffer.alloc(0);
    this.#client.push(bytes);
    const unit = this.#client.next();
    if (unit === undefined) return this.#channel.written;
    const intent = this.#client.classify(unit, {
      settings: this.#settings,
      greeting: this.#greeting,
      functions: { allow: new Set(), deny: new Set() },
      catalogue: undefined,
      inTransaction: this.#status !== 'idle',
    });
    if (intent.here || (this.#held !== undefined && intent.kind === 'end')) {
      if (intent.kind === 'end') this.#over();
      this.#client.supply(unit, this.#status);
      return this.#channel.written;
    }
    if (intent.begin?.alone === true && this.#status === 'idle' && !this.#pinned) {
      this.#held = unit;
      this.#status = 'transaction';
      this.#client.supply(unit, this.#status);
      return this.#channel.written;
    }
    const { end, delivered } = await this.#send(unit);
    if (intent.pin !== undefined || end.pin !== undefined) this.#pinned = true;
    this.#status = end.status;
    const link = this.#link as Linked;
    const known = end.error === '' ? [...intent.settings, ...end.changes] : end.changes;
    this.#settings = changed(this.#settings, known);
    this.#links.settings.set(link, this.#settings);
    const question = this.#client.completed(unit, outcome(end));
    if (question !== undefined) this.#client.learned(outcome(await link.run(question)));
    if (end.status === 'idle' && !this.#pinned) this.#link = undefined;
    return delivered;
  }

  #over(): void {
    this.#held = undefined;
    this.#status = 'idle';
  }

  async #send(unit: Unit): Promise<{ end: End; delivered: Buffer }> {
    this.#link ??= this.#links.next();
    const link = this.#link;
    const changes = difference(this.#links.settings.get(link) ?? noSettings, this.#settings);
    if (changes.length > 0) {
      const adjustment = link.server.adjust(changes);
      if (adjustment === undefined) throw new Error('a link that cannot be adjusted');
      await this.#sure(link, adjustment);
      this.#links.settings.set(link, this.#settings);
    }
    if (this.#held !== undefined) {
      await this.#sure(link, this.#client.opening(this.#held));
      this.#held = undefined;
    }
    for (;;) {
      const plan = this.#client.plan(unit, link.server, false);
      if (plan === undefined) throw new Error('a plan that waits for nothing');
      if (plan.before !== true) {
        const end = await link.run(plan);
        return { end, delivered: Buffer.concat(link.delivered) };
      }
      await this.#sure(link, plan);
    }
  }

  async #sure(link: Linked, plan: Plan): Promise<void> {
    const { error, message } = await link.run(plan);
    if (error !== '') throw new Error(`${error} ${message}`);
  }
}

const outcome = (end: End): Outcome => ({ ...end, rolledBack: false, settingChanged: false });
