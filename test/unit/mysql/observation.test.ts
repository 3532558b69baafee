import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import { channelsIn, receivingOf } from '../../../src/mysql/channels.ts';
import { isReadOnly, seenOf } from '../../../src/mysql/observation.ts';
import { freeSlot, holdersIn, slotNames } from '../../../src/mysql/presence.ts';
import { literalOf, nameOf } from '../../../src/mysql/quoting.ts';
import { semiSyncColumns, semiSyncIn, syncRequirement, waitsIn } from '../../../src/mysql/synchronous.ts';

const A = '26cd7ced-e56a-11f1-8c22-02fc00000001';
const its = {
  node: nodeId('n'),
  askedAt: 1,
  at: 2,
  isMaria: false,
  channels: [],
  sync: { needed: 0, listed: 0 },
  otherProxies: [],
};

describe('who a node is', () => {
  const writable = { own: A, executed: `${A}:1-5`, read_only: '0', super: '0', version: '9.7.4' };
  const streams = channelsIn([
    {
      Channel_Name: '',
      Source_Host: '10.0.0.1',
      Source_Port: '3306',
      Replica_IO_Running: 'Connecting',
      Replica_SQL_Running: 'Yes',
      Retrieved_Gtid_Set: `${A}:4-9`,
      Auto_Position: '1',
    },
  ]);

  test('one that takes writes and follows nobody is the primary', () => {
    const seen = seenOf(writable, its);
    assert.deepEqual([seen.role, seen.receiving, seen.position], ['primary', undefined, `${A}:1-5@p=${A}`]);
  });

  test('one that is read-only and follows nobody is no primary, and says that it follows nobody', () => {
    for (const row of [
      { ...writable, read_only: '1' },
      { ...writable, super: '1' },
    ]) {
      const seen = seenOf(row, its);
      assert.deepEqual([seen.role, seen.receiving], ['replica', undefined]);
    }
  });

  test('one that is set up to follow is a replica, even where it takes writes, with all that it has received', () => {
    const seen = seenOf(writable, { ...its, channels: streams });
    assert.equal(seen.role, 'replica');
    assert.equal(seen.received, `${A}:1-9@r=${A}`);
    assert.deepEqual(seen.receiving, { active: false, from: '10.0.0.1:3306' });
  });

  test('channels of group replication are its own business', () => {
    assert.deepEqual(channelsIn([{ Channel_Name: 'group_replication_applier' }]), []);
    assert.equal(receivingOf([]), undefined);
  });

  test('read_only has more than two values on a new MariaDB', () => {
    for (const value of ['1', 'ON', 'NO_LOCK', 'NO_LOCK_NO_ADMIN'])
      assert.ok(isReadOnly({ read_only: value }), value);
    for (const value of ['0', 'OFF', null]) assert.ok(!isReadOnly({ read_only: value }), String(value));
  });

  test('a MariaDB with both threads stopped counts nothing of what it has received', () => {
    const row = { own: '2', state: '0-1-5', applied: '0-1-5', read_only: '1', version: '10.11-MariaDB' };
    const channel = (receiver: string, applier: string) =>
      channelsIn([
        { Connection_name: '', Gtid_IO_Pos: '0-1-9', Slave_IO_Running: receiver, Slave_SQL_Running: applier },
      ]);
    const received = (receiver: string, applier: string) =>
      seenOf(row, { ...its, isMaria: true, channels: channel(receiver, applier) }).received;
    assert.equal(received('Connecting', 'Yes'), '0-1-9@r=2');
    assert.equal(received('No', 'Yes'), '0-1-9@r=2');
    assert.equal(received('No', 'No'), '0-1-5@r=2');
  });
});

describe('semi-synchronous replication', () => {
  const plugin = (stem: string, count: string, alone: string) =>
    semiSyncIn([`${stem}_enabled`, `${stem}_timeout`, count, alone].map((name) => ({ Variable_name: name })));
  const row = { semi: '1', semi_timeout: '4294967295', semi_count: '2', semi_alone: '1' };

  test('it is known by its newer and its older names, and not at all', () => {
    const newer = plugin(
      'rpl_semi_sync_source',
      'rpl_semi_sync_source_wait_for_replica_count',
      'rpl_semi_sync_source_wait_no_replica',
    );
    assert.match(semiSyncColumns(newer), /rpl_semi_sync_source_wait_for_replica_count AS semi_count/);
    const older = plugin('rpl_semi_sync_master', '', 'rpl_semi_sync_master_wait_no_slave');
    assert.match(semiSyncColumns(older), /1 AS semi_count/);
    assert.equal(semiSyncColumns(semiSyncIn([])), '0 AS semi');
  });

  test('it counts only where commits cannot be acknowledged without it', () => {
    assert.equal(waitsIn(row), 2);
    assert.equal(waitsIn({ ...row, semi_timeout: '10000' }), 0);
    assert.equal(waitsIn({ ...row, semi_alone: '0' }), 0);
    assert.equal(waitsIn({ ...row, semi: '0' }), 0);
  });

  test('whoever is connected and acknowledges may be the only one, configured or not', () => {
    const status = (on: string, clients: string) => [
      { Variable_name: 'Rpl_semi_sync_source_status', Value: on },
      { Variable_name: 'Rpl_semi_sync_source_clients', Value: clients },
    ];
    assert.deepEqual(syncRequirement(1, status('ON', '1'), 2), { needed: 1, listed: 2 });
    assert.deepEqual(syncRequirement(1, status('ON', '4'), 2), { needed: 1, listed: 4 });
    assert.deepEqual(syncRequirement(1, status('OFF', '2'), 2), { needed: 0, listed: 0 });
  });
});

test('proxies of one cluster use the same locks, others do not, and one that is free is found', () => {
  const names = slotNames('pointsman:shop:one');
  assert.deepEqual(names, slotNames('pointsman:shop:two'));
  assert.notDeepEqual(names, slotNames('pointsman:else:one'));
  assert.ok(names.every((name) => name.length <= 64));
  const row = { slot0: '7', slot1: null, slot2: '9', slot3: null };
  assert.deepEqual(holdersIn(row), ['7', '9']);
  assert.equal(freeSlot(row, names), names[1]);
  assert.equal(freeSlot({ slot0: '1', slot1: '2', slot2: '3', slot3: '4' }, names), undefined);
});

test('literals and names keep their content', () => {
  assert.equal(literalOf("it's \\ \0"), "'it''s \\\\ \\0'");
  assert.equal(nameOf('a`b'), '`a``b`');
});
