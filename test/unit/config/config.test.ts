import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Config, loadConfig } from '../../../src/config/config.ts';
import { jsonSchema } from '../../../src/config/json-schema.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { build, type ClusterInput, cluster, parse, refusals } from './sample.ts';

const env = {
  APP_PASSWORD: 'a',
  REPORTS_PASSWORD: 'r',
  POINTSMAN_PASSWORD: 'p',
  REPLICATION_PASSWORD: 's',
};

describe('the shipped configurations', () => {
  test('config/example.yaml, minimal.yaml and that of the compose file load when their environment is set', async () => {
    const example = await loadConfig('config/example.yaml', env);
    assert.equal(example.clusters[0]?.users[0]?.password, 'a');
    assert.equal(example.clusters[0]?.nodes.length, 3);
    const compose = await loadConfig('config/compose/pointsman.yaml', env);
    assert.equal(compose.clusters[0]?.failover.mode, 'promote');
    const minimal = await loadConfig('config/minimal.yaml', env);
    assert.equal(minimal.clusters[0]?.failover.mode, 'observe');
  });

  test('the example says the defaults where it is not about names', async () => {
    const example = (await loadConfig('config/example.yaml', env)).clusters[0];
    const plain = build({}).clusters[0];
    for (const key of ['pool', 'hold', 'routing', 'consistency', 'listen', 'auth', 'serverTls'] as const) {
      assert.deepEqual(example?.[key], plain?.[key]);
    }
  });

  test('config/pointsman.schema.json is what the schema makes; else run: pointsman schema', () => {
    assert.equal(readFileSync('config/pointsman.schema.json', 'utf8'), jsonSchema());
  });

  test('docs/configuration.md names every key', () => {
    const page = readFileSync('docs/configuration.md', 'utf8');
    const keys = new Set<string>();
    JSON.parse(jsonSchema(), (_key, value) => {
      for (const name of Object.keys(value?.properties ?? {})) keys.add(name);
      return value;
    });
    assert.ok(keys.size > 50, String(keys.size));
    assert.deepEqual(
      [...keys].filter((key) => !new RegExp(`[\`.]${key}[\`.\\[]`).test(page)),
      [],
    );
  });

  test('the editors’ schema lets a reference stand for a number', () => {
    const { properties } = JSON.parse(jsonSchema());
    const { port } = properties.clusters.items.properties.listen.properties;
    assert.equal(port.anyOf[0].type, 'integer');
    assert.match(`\${env:PORT}`, new RegExp(port.anyOf[1].pattern));
  });
});

test('all that is left out has the documented default, in ms and bytes', () => {
  const config = parse(`
clusters:
  - name: main
    engine: postgres
    listen: { port: 6432 }
    nodes: [{ name: pg-1, host: 10.0.0.1, port: 5432 }]
    users: [{ name: app, password: x }]
    monitor: { user: watcher }
    pool: # empty groups are allowed
`);
  const main = config.clusters[0];
  assert.deepEqual(config.admin, { listen: { host: '127.0.0.1', port: 9632 } });
  assert.deepEqual(main?.pool, {
    mode: 'transaction',
    size: 20,
    waiters: 1000,
    waitTimeoutMs: 5000,
    maxAgeMs: 3_600_000,
    idleTimeoutMs: 60_000,
    connectTimeoutMs: 3000,
    lanes: true,
  });
  assert.equal(config.workers, 1);
  assert.deepEqual(main?.databases, []);
  assert.equal(main?.users[0]?.lanes, undefined);
  assert.deepEqual(main?.hold, { requests: 1000, bytes: 16_777_216, timeoutMs: 10_000 });
  assert.equal(main?.routing.maxLagBytes, undefined);
  assert.equal(main?.auth.method, 'scram-sha-256');
  assert.equal(main?.monitor.database, 'postgres');
});

test('the admin surface can be switched off', () => {
  assert.equal(parse(JSON.stringify({ admin: false, clusters: [cluster] })).admin, undefined);
});

test('workers are one, so many as are written, or auto', () => {
  const workersOf = (workers: unknown): Config['workers'] =>
    parse(JSON.stringify({ workers, clusters: [cluster] })).workers;
  assert.equal(workersOf('auto'), 'auto');
  assert.equal(workersOf(4), 4);
  assert.equal(workersOf('4'), 4);
  for (const wrong of [0, 257, 1.5, 'many', true]) {
    const refused = refusals(() => parse(JSON.stringify({ workers: wrong, clusters: [cluster] })));
    assert.equal(refused.length, 1, String(wrong));
    assert.match(refused[0] ?? '', /workers: must be auto or a whole number from 1 to 256$/);
  }
});

test('lanes are switched for the pool, a user, a database; a database is named once', () => {
  const made = build({
    pool: { lanes: false },
    users: [{ name: 'app', password: 'x', lanes: false }],
    databases: [{ name: 'ledger', lanes: false }, { name: 'shop' }],
  }).clusters[0];
  assert.equal(made?.pool.lanes, false);
  assert.equal(made?.users[0]?.lanes, false);
  assert.deepEqual(made?.databases, [
    { name: 'ledger', lanes: false },
    { name: 'shop', lanes: true },
  ]);
  const twice = refusals(() => build({ databases: [{ name: 'shop' }, { name: 'shop' }] }));
  assert.match(twice.join(), /there is already a database called shop/);
});

test('file names are taken from the folder of the configuration', () => {
  const { listen, failover } =
    build({
      listen: { port: 1, tls: { cert: 'tls/a.crt', key: '/abs/a.key' } },
      failover: { journal: 'journal' },
    }).clusters[0] ?? assert.fail();
  assert.equal(listen.tls?.cert, `${process.cwd()}/tls/a.crt`);
  assert.equal(listen.tls?.key, '/abs/a.key');
  assert.equal(failover.journal, `${process.cwd()}/journal`);
});

describe('an error names file, line, column, key and what to do; several come at once', () => {
  test('unknown keys name the nearest known one', () => {
    const text = `
admin: { listen: { prot: 9 } }
lgo: {}
clusters:
  - name: main
    engine: postgrs
    listen: { port: 70000 }
    nodes: []
    users:
      - { nme: app, password: "\${env:NOPE}" }
    pool:
      sise: 3
      waitTimeout: soon
`;
    assert.deepEqual(
      refusals(() => parse(text)),
      [
        'test.yaml:2:20: admin.listen: unknown key prot; did you mean port?',
        'test.yaml:3:1: unknown key lgo; did you mean log?',
        'test.yaml:5:5: clusters[0].monitor: is missing; it must be a group of keys with at least a user',
        'test.yaml:6:13: clusters[0].engine: must be one of postgres, mysql, mariadb',
        'test.yaml:7:21: clusters[0].listen.port: must be a whole number from 0 to 65535',
        'test.yaml:8:5: clusters[0].nodes: must name at least one server',
        'test.yaml:10:9: clusters[0].users[0].name: is missing; it must be a text',
        'test.yaml:10:11: clusters[0].users[0]: unknown key nme; did you mean name?',
        'test.yaml:10:31: clusters[0].users[0].password: the environment variable NOPE is not set; set it, or write the value here',
        'test.yaml:12:7: clusters[0].pool: unknown key sise; did you mean size?',
        'test.yaml:13:20: clusters[0].pool.waitTimeout: must be a duration such as 500ms, 10s, 5m or 1h',
      ],
    );
  });

  test('broken YAML is placed, and a reference without quotes in braces is explained', () => {
    const found = refusals(() => parse(`clusters:\n  - listen: { port: \${env:PORT} }\n`));
    assert.match(found[0] ?? '', /^test\.yaml:2:22: .*needs quotes/);
    assert.match(refusals(() => parse('a: 1\na: 2\n'))[0] ?? '', /^test\.yaml:2:1: Map keys must be unique/);
  });

  test('what the text quotes of a broken place is not told: it may be a password', () => {
    const found = refusals(() => parse('clusters: [ { password: hush1 } ] hush2\n'));
    assert.equal(found.length, 1);
    assert.doesNotMatch(found.join('\n'), /hush/);
  });

  test('an empty file and a list are refused', () => {
    assert.match(refusals(() => parse(''))[0] ?? '', /must be a group of keys: clusters/);
    assert.match(refusals(() => parse('- a\n'))[0] ?? '', /must be a group of keys: clusters/);
  });

  test('aliases that multiply are refused', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`);
    assert.match(refusals(() => parse(`l0: &l0 [x]\n${levels.join('\n')}\n`))[0] ?? '', /alias/i);
  });

  test('a file that cannot be read is named with the option', async () => {
    await assert.rejects(loadConfig('config/none.yaml', {}), (error) => {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.code, 'CONFIG');
      assert.match(error.message, /config\/none\.yaml \(ENOENT\); name an existing file with -c/);
      return true;
    });
  });
});

describe('what does not fit together is refused', () => {
  const node = { name: 'pg-1', host: '10.0.0.1', port: 5432 };
  const rows: [string, Partial<ClusterInput>, RegExp][] = [
    ['two nodes of one name', { nodes: [node, { ...node, port: 5433 }] }, /already a node called pg-1/],
    ['two nodes at one address', { nodes: [node, { ...node, name: 'b' }] }, /already the address of pg-1/],
    [
      'two users of one name',
      {
        users: [
          { name: 'app', password: 'x' },
          { name: 'app', password: 'y' },
        ],
      },
      /already a user called app/,
    ],
    ['a user without a password', { users: [{ name: 'app' }] }, /the user app needs a password/],
    [
      'promote mode without the replication account',
      { failover: { mode: 'promote' } },
      /failover\.mode: promote mode needs failover\.replication/,
    ],
    [
      'a method the engine has not',
      { auth: { method: 'scram' } },
      /auth\.method: must be one of scram-sha-256/,
    ],
    [
      'a listen port that is the admin port',
      { listen: { port: 9632 } },
      /port 9632 is already the listen port of cluster main/,
    ],
    [
      'a node that is the listener itself',
      { listen: { port: 5432, host: '0.0.0.0' }, nodes: [{ ...node, host: 'localhost' }] },
      /own listen address/,
    ],
    ['half a client certificate', { serverTls: { cert: 'a' } }, /cert and key belong together/],
    [
      'a function allowed and denied',
      { routing: { functions: { allow: ['f'], deny: ['f'] } } },
      /f is both allowed and denied/,
    ],
    ['an endless wait', { pool: { waitTimeout: '600h' } }, /pool\.waitTimeout: must be between/],
    ['a wait of nothing', { pool: { waitTimeout: '0s' } }, /pool\.waitTimeout: must be between/],
  ];
  for (const [name, changes, message] of rows) {
    test(name, () => {
      const found = refusals(() => build(changes));
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', message);
    });
  }

  test('users need no password where clients need not prove who they are', () => {
    const config = build({ auth: { method: 'trust' }, users: [{ name: 'app' }] });
    assert.equal(config.clusters[0]?.users[0]?.password, undefined);
  });

  test('a node on another machine may have the listener’s port', () => {
    assert.deepEqual(
      refusals(() => build({ listen: { port: 5432, host: '0.0.0.0' } })),
      [],
    );
  });
});
