import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { redacted } from '../../../src/config/config.ts';
import { resolveReferences } from '../../../src/config/references.ts';
import { build, cluster, refusals } from './sample.ts';

const sources = {
  env: { USER_NAME: 'ann', EMPTY: '', NESTED: `\${env:USER_NAME}` },
  readFile: (path: string): string => {
    if (path === '/run/secret') return 'line one\nline two\n';
    throw Object.assign(new Error('no'), { code: 'ENOENT' });
  },
};

describe('a reference is replaced by what it names', () => {
  const rows: [string, string][] = [
    [`\${env:USER_NAME}`, 'ann'],
    [`<\${env:USER_NAME}@\${env:USER_NAME}>`, '<ann@ann>'],
    [`\${env:EMPTY}`, ''],
    [`\${env:NESTED}`, `\${env:USER_NAME}`],
    [`\${file:/run/secret}`, 'line one\nline two'],
    [`$\${env:USER_NAME}`, `\${env:USER_NAME}`],
    ['cash $5 {x}', 'cash $5 {x}'],
  ];
  for (const [text, value] of rows) {
    test(text, () => {
      const resolved = resolveReferences({ list: [{ text }] }, sources);
      assert.deepEqual(resolved.value, { list: [{ text: value }] });
      assert.deepEqual(resolved.problems, []);
    });
  }
});

describe('a reference to what is not there says what is missing and what to do', () => {
  const rows: [string, RegExp][] = [
    [`\${env:NOPE}`, /the environment variable NOPE is not set; set it/],
    [`\${file:/none}`, /the file \/none, .* cannot be read \(ENOENT\)/],
    [`\${USER_NAME}`, /is not a reference.*did you mean \$\{env:USER_NAME\}/],
    [`\${envv:USER_NAME}`, /did you mean env:/],
    [`\${env:USER_NAME`, /does not end with }/],
    [`\${env:}`, /is not a reference/],
  ];
  for (const [text, message] of rows) {
    test(text, () => {
      const { problems } = resolveReferences({ key: text }, sources);
      assert.equal(problems.length, 1);
      assert.deepEqual(problems[0]?.path, ['key']);
      assert.match(problems[0]?.message ?? '', message);
    });
  }
});

test('a reference in a numeric field and in a flag is taken as a number and a truth value', () => {
  const listen = {
    port: `\${env:PORT}`,
    tls: { cert: 'a', key: 'b', require: `\${env:FLAG}` },
  };
  const config = build({ listen }, { PORT: '7000', FLAG: 'true' });
  assert.equal(config.clusters[0]?.listen.port, 7000);
  assert.equal(config.clusters[0]?.listen.tls?.require, true);
});

test('the value of a reference is in no error', () => {
  const found = refusals(() =>
    build(
      { listen: { port: `\${env:SECRET}` }, auth: { method: `\${env:SECRET}` }, engine: `\${env:SECRET}` },
      { SECRET: 'x-very-secret-x' },
    ),
  );
  assert.ok(found.length >= 2, found.join('\n'));
  assert.doesNotMatch(found.join('\n'), /very-secret/);
});

test('a redacted configuration shows no password and nothing that came from a reference', () => {
  const config = build(
    {
      users: [{ name: 'app', password: 'plain-secret' }],
      monitor: { ...cluster.monitor, user: `\${env:WHO}`, password: `\${env:PW}` },
      failover: {
        mode: 'promote',
        replication: { user: 'r', password: 'repl-secret' },
        rejoin: `again --token=\${env:TOKEN} {node}`,
      },
    },
    { WHO: 'watcher', PW: 'env-secret', TOKEN: 'token-secret' },
  );
  assert.equal(config.clusters[0]?.failover.rejoin, 'again --token=token-secret {node}');
  const shown = inspect(redacted(config), { depth: 20 }) + JSON.stringify(redacted(config));
  assert.doesNotMatch(shown, /secret/);
  assert.match(shown, /user: 'watcher'/);
  assert.match(shown, /mode: 'promote'/);
});
