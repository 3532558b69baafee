import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClusterConfig, configOf } from '../../src/config/config.ts';
import type { Company } from '../../src/core/company.ts';
import { laneIn, lanesOf } from '../../src/lanes.ts';

const YES: Company = { may: 'yes', because: 'it is short' };

function cluster(more: Record<string, unknown> = {}): ClusterConfig {
  const input = {
    name: 'main',
    engine: 'postgres',
    listen: { port: 6432 },
    nodes: [{ name: 'pg-1', host: 'h', port: 5432 }],
    users: [{ name: 'app', password: 'x' }],
    monitor: { user: 'monitor', password: 'x' },
    ...more,
  };
  const [only] = configOf({ clusters: [input] }, { file: 'a test', env: {} }).clusters;
  assert.ok(only !== undefined);
  return only;
}

describe('rule 9: lanes can be turned off', () => {
  const user = (name: string, more: object = {}) => ({ name, password: 'x', ...more });
  const rows: readonly [name: string, config: ClusterConfig, shares: boolean, because: RegExp][] = [
    ['by default they are on', cluster(), true, /^it is short$/],
    ['for the pool', cluster({ pool: { lanes: false } }), false, /^pool\.lanes is false$/],
    ['for the only user', cluster({ users: [user('app', { lanes: false })] }), false, /^every user/],
    [
      'for the database',
      cluster({ databases: [{ name: 'shop', lanes: false }] }),
      false,
      /^lanes of the database shop is false$/,
    ],
    ['for another database', cluster({ databases: [{ name: 'x', lanes: false }] }), true, /^it is short$/],
    [
      'for another user, who is named',
      cluster({ users: [user('app'), user('batch', { lanes: false }), user('old', { pooling: 'session' })] }),
      true,
      /^it is short; not for batch, old: lanes: false or session pooling$/,
    ],
    [
      'a user cannot turn on what the pool has turned off',
      cluster({ pool: { lanes: false }, users: [user('app', { lanes: true })] }),
      false,
      /^pool\.lanes/,
    ],
  ];
  for (const [name, config, shares, because] of rows) {
    test(name, () => {
      assert.equal(lanesOf(config)({ user: 'app', database: 'shop' }), shares);
      const lane = laneIn(config, 'shop', YES);
      assert.equal(lane.may, shares ? 'yes' : 'no');
      assert.match(lane.because, because);
    });
  }

  test('in session pooling every session has a connection of its own', () => {
    assert.match(laneIn(cluster({ pool: { mode: 'session' } }), 'shop', YES).because, /session pooling/);
  });

  test('the statement itself comes before the configuration', () => {
    const no: Company = { may: 'no', because: 'it is no plain read' };
    assert.equal(laneIn(cluster({ pool: { lanes: false } }), 'shop', no), no);
  });
});
