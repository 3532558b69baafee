import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import type { Row } from '../../../src/postgres/control-connection.ts';
import type { ControlSession } from '../../../src/postgres/control-session.ts';
import { follow } from '../../../src/postgres/following.ts';

const endpoint = { host: '127.0.0.1', port: 5433 };
const upstream = { endpoint, user: 'replicator', password: 'secret', applicationName: 'pg-3' };

/** A session that answers by what a statement contains, and notes the statements. */
function scripted(answers: readonly (readonly [string, Row | undefined])[], said: string[]): ControlSession {
  return {
    target: {
      node: nodeId('pg-3'),
      endpoint,
      user: '',
      password: undefined,
      database: '',
      options: '',
      tls: undefined,
    },
    signal: new AbortController().signal,
    query: async (text) => {
      said.push(text.trim());
      const row = answers.find(([part]) => text.includes(part))?.[1];
      return row === undefined ? [] : [row];
    },
  };
}

const primary: [string, Row][] = [['pg_walfile_name', { file: '00000002', lsn: '0/5000100' }]];
const receiver = {
  pid: '2',
  status: 'streaming',
  timeline: '2',
  host: '127.0.0.1',
  port: '5433',
  there: 't',
  stuck: 'f',
};

const replica = (row: Row, standby = 't'): [string, Row][] => [
  ['AS standby', { standby }],
  ['primary_conninfo', { conninfo: 'host=old', slot: '', receiver: '1' }],
  ['AS loaded, pg_reload_conf', { loaded: '1' }],
  ['AS loaded', { loaded: '2' }],
  ['AS stuck', row],
];

function following(row: Row, standby?: string): { done: Promise<void>; said: string[] } {
  const said: string[] = [];
  const done = follow({
    upstream,
    primary: (call) => call(scripted(primary, said)),
    replica: (call) => call(scripted(replica(row, standby), said)),
  });
  return { done, said };
}

test('the slot is made on the new primary before the replica is pointed at it', async () => {
  const { done, said } = following(receiver);
  await done;
  const at = (part: string): number => said.findIndex((text) => text.includes(part));
  assert.ok(at('pg_create_physical_replication_slot') >= 0);
  assert.ok(at('pg_create_physical_replication_slot') < at('ALTER SYSTEM SET primary_conninfo'));
  assert.ok(at('ALTER SYSTEM SET primary_slot_name') < at('pg_reload_conf'));
  assert.ok(at('pg_reload_conf') < at('AS stuck'));
});

test('a node that is not in recovery is not touched', async () => {
  const { done, said } = following(receiver, 'f');
  await assert.rejects(done, /pg-3 is not a replica/);
  assert.ok(!said.some((text) => /ALTER|slot/.test(text)));
});

test('a replica that has received half a record at the end of a segment cannot go on, and it is said why', async () => {
  const row = { ...receiver, there: 'f', stuck: 't', received: '0/6000000', replayed: '0/5FFFD68' };
  await assert.rejects(following(row).done, (error: Error) => {
    assert.match(error.message, /received up to 0\/6000000.*begins at 0\/5FFFD68.*fresh copy/);
    return true;
  });
});
