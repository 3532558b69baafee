import assert from 'node:assert/strict';
import type { Proxied } from './proxied.ts';
import { type Door, shown, sync, WireClient } from './wire-recorder.ts';

/** What a client does, from its log-in to its goodbye. */
export type Script = (client: WireClient) => Promise<void>;

/** Every message a script is told, in words. `parameters`: of the start-up. */
export async function record(
  door: Door,
  script: Script,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const client = await WireClient.open(door, parameters);
  try {
    await script(client);
  } catch (error) {
    throw new Error(`${String(error)}; told so far: ${client.told.slice(-8).map(shown).join(' | ')}`);
  } finally {
    await client.close();
  }
  return client.told.map(shown);
}

/** The script is told the same through the proxy, among busy neighbours, as directly; and leaves nothing behind. */
export async function assertSame(
  proxied: Proxied,
  script: Script,
  parameters: Readonly<Record<string, string>> = {},
): Promise<void> {
  const direct = await record(proxied.direct, script, parameters);
  await using neighbours = await Neighbours.move(proxied.through);
  const through = await record(proxied.through, script, parameters);
  await neighbours.leave();
  assert.deepEqual(through, direct);
  await assertNothingLeft(proxied);
}

/** What four other sessions have set, each something else. */
const HABITS = [
  "SET TimeZone TO 'Asia/Tokyo'; SET DateStyle TO 'German'",
  "SET search_path TO pg_catalog; SET app.tenant TO 'neighbour'",
  "SET work_mem TO '3MB'; SET IntervalStyle TO 'iso_8601'; SET client_min_messages TO error",
  'SET standard_conforming_strings TO off; SET extra_float_digits TO 0; SET bytea_output TO escape',
] as const;

/** Sessions that keep the links busy and dirty with settings of their own. */
export class Neighbours {
  readonly #clients: WireClient[];
  readonly #lives: Promise<void>[];
  #leaving = false;

  private constructor(clients: WireClient[]) {
    this.#clients = clients;
    this.#lives = clients.map((client, number) => this.#live(client, number));
  }

  static async move(door: Door): Promise<Neighbours> {
    const clients = await Promise.all(HABITS.map(() => WireClient.open(door)));
    await Promise.all(HABITS.map((habit, at) => clients[at]?.rows(habit)));
    return new Neighbours(clients);
  }

  /** Ends their lives; rejects if one of them was told an error. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.#lives);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  async #live(client: WireClient, number: number): Promise<void> {
    for (let round = 0; !this.#leaving; round++) {
      await client.rows(
        round % 3 === number % 3 ? 'SELECT 1, pg_sleep(0.002)' : 'BEGIN; SELECT txid_current(); COMMIT',
      );
    }
  }
}

/** What a session finds that is not its own: settings, identity, objects, locks, channels, cursors, statements. */
const TRACES = `
SELECT 'setting', name, setting FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction_%' AND name <> 'application_name'
UNION ALL SELECT 'identity', current_user::text, session_user::text WHERE current_user <> 'demo' OR session_user <> 'demo'
UNION ALL SELECT 'custom', name, current_setting(name, true) FROM (VALUES ('app.tenant'), ('app.other')) v (name)
 WHERE current_setting(name, true) <> ''
UNION ALL SELECT 'temporary', relname, '' FROM pg_class WHERE relnamespace = pg_my_temp_schema()
UNION ALL SELECT 'lock', objid::text, '' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
UNION ALL SELECT 'channel', channel, '' FROM pg_listening_channels() channel
UNION ALL SELECT 'cursor', name, '' FROM pg_cursors
UNION ALL SELECT 'statement', name, '' FROM pg_prepared_statements WHERE name NOT LIKE 'pointsman%'`;

/** Fresh sessions, one on each link, find nothing of others. */
export async function assertNothingLeft(proxied: Pick<Proxied, 'through'>, links = 2): Promise<void> {
  const clients: WireClient[] = [];
  const backends = new Set<string | null | undefined>();
  try {
    for (let at = 0; at < links; at++) {
      const client = await WireClient.open(proxied.through);
      clients.push(client);
      await client.rows('BEGIN');
      const [[backend] = []] = await client.rows('SELECT pg_backend_pid()');
      backends.add(backend);
      assert.deepEqual(await client.rows(TRACES), [], 'a fresh session finds something of another');
    }
    assert.equal(backends.size, links);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Simple queries, one after another. */
export const asking =
  (...texts: readonly string[]): Script =>
  async (client) => {
    for (const text of texts) await client.ask(text);
  };

/** Extended batches, each with its Sync, one after another. */
export const batches =
  (...all: readonly (readonly Buffer[])[]): Script =>
  async (client) => {
    for (const batch of all) {
      client.send(...batch, sync);
      await client.ready();
    }
  };
