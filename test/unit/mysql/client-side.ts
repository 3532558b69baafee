import assert from 'node:assert/strict';
import type { Intent } from '../../../src/core/intent.ts';
import { type SettingChange, type Settings, settingsOf } from '../../../src/core/settings.ts';
import type { Expectation, Outcome, Plan, ServerSide, SessionFacts, Unit } from '../../../src/core/wire.ts';
import { MysqlClient } from '../../../src/mysql/client.ts';
import * as com from '../../../src/mysql/commands.ts';
import type { LinkSide } from '../../../src/mysql/link-side.ts';
import { LinkStatements } from '../../../src/mysql/link-statements.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { HEADER, lengthAt } from '../../../src/mysql/packets.ts';
import { type MysqlEnd, Reply } from '../../../src/mysql/reply.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

const OK_END: Outcome & MysqlEnd = {
  status: 'idle',
  error: '',
  message: '',
  rolledBack: false,
  settingChanged: false,
  changes: [],
  pin: undefined,
  rows: [],
  affectedRows: 0n,
  insertId: 0n,
  warnings: 0,
  rowCount: -1,
  collationUnknown: false,
};
export const end = (facts: Partial<Outcome & MysqlEnd> = {}): Outcome & MysqlEnd => ({ ...OK_END, ...facts });

/** A link that knows the statements it is told of. */
export class FakeLink implements LinkSide {
  readonly statements = new LinkStatements();
  readonly reset: Plan = {
    bytes: Buffer.from('RESET'),
    expect: new Reply([
      { shape: 'done', take: 'swallow' },
      { shape: 'result', take: 'swallow' },
    ]),
  };

  adjust(changes: readonly SettingChange[]) {
    const expect = new Reply([{ shape: 'result', take: 'swallow' }]);
    return { bytes: queryCommand(`ADJUST ${JSON.stringify(changes)}`), expect, critical: true };
  }

  get asServer(): ServerSide {
    return this as unknown as ServerSide;
  }
}

/** Commands in these bytes: their first byte and the text behind it. */
export function commands(bytes: Buffer): [number, string][] {
  const found: [number, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = lengthAt(bytes, at);
    const body = bytes.subarray(at + HEADER, at + HEADER + length);
    found.push([body[0] as number, body.toString('latin1', 1)]);
    at += HEADER + length;
  }
  return found;
}

export function takes(expect: Expectation): string[] {
  assert.ok(expect instanceof Reply);
  return expect.answers.map(({ shape, take }) => `${take} ${shape}`);
}

/** The error number in an ERR packet that was written. */
export const errorIn = (bytes: Buffer): number =>
  bytes[HEADER] === 0xff ? bytes.readUInt16LE(HEADER + 1) : 0;

export interface Session {
  readonly channel: MemoryChannel;
  readonly client: MysqlClient;
  link: FakeLink;
  facts: SessionFacts;
}

export const BASE: [string, string][] = [
  ['character_set_client', 'utf8mb4'],
  ['character_set_results', 'utf8mb4'],
  ['collation_connection', 'utf8mb4_0900_ai_ci'],
  [':schema', 'demo'],
];

export function session(version = '9.7.4', settings: Settings = settingsOf(BASE)): Session {
  const channel = new MemoryChannel();
  const login: MysqlLogin = {
    channel,
    user: 'demo',
    database: 'demo',
    links: { database: '', options: '' },
    settings,
    replication: false,
    secretLength: 0,
    id: 4711,
    capabilities: 0,
    traits: { deprecateEof: true, sessionTrack: true, localFiles: true },
    collation: 255,
    attributes: new Map(),
    version,
    challenge: Buffer.alloc(20),
    statements: { last: 0 },
  };
  const facts: SessionFacts = {
    settings,
    greeting: {
      parameters: new Map([
        ['version', version],
        ['sql_mode', ''],
        ['autocommit', 'ON'],
      ]),
    },
    functions: { allow: new Set(), deny: new Set() },
    catalogue: undefined,
    inTransaction: false,
  };
  return { channel, client: new MysqlClient(login), link: new FakeLink(), facts };
}

/** The next unit of what the client sends, with what it wants. */
export function take({ client, facts }: Session, ...bytes: Buffer[]): { unit: Unit; intent: Intent } {
  for (const one of bytes) client.push(one);
  const unit = client.next();
  assert.ok(unit !== undefined, 'a unit');
  return { unit, intent: client.classify(unit, facts) };
}

/** Sends one command and ends it; gives what was planned, and what must be asked. */
export function run(
  at: Session,
  bytes: Buffer,
  outcome: Partial<Outcome & MysqlEnd> = {},
): { plan: Plan; question: Plan | undefined } {
  const { unit } = take(at, bytes);
  const plan = at.client.plan(unit, at.link.asServer, false);
  assert.ok(plan !== undefined && plan.before !== true);
  return { plan, question: at.client.completed(unit, end(outcome)) };
}

/** What the proxy itself answers. */
export function answer(at: Session, bytes: Buffer): Buffer {
  const { unit, intent } = take(at, bytes);
  assert.equal(intent.here, true);
  at.channel.written = Buffer.alloc(0);
  at.client.supply(unit, 'idle');
  return at.channel.written;
}

/** Prepares a text as the server would: with the numbers that it has for it. */
export function prepare(at: Session, text: string, id: number, parameters = 0): void {
  const { unit } = take(at, command(com.COM_STMT_PREPARE, text));
  const plan = at.client.plan(unit, at.link.asServer, false);
  assert.ok(plan?.expect instanceof Reply);
  plan.expect.answers[0]?.prepared?.(id, parameters);
  at.client.completed(unit, end());
}

export const execute = (number: number, ...more: Buffer[]): Buffer =>
  command(com.COM_STMT_EXECUTE, uint32(number), Buffer.from([0, 1, 0, 0, 0]), ...more);
