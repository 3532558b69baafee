import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Admin, startAdmin } from '../../../src/admin/server.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { main, sourcesOf } from '../../unit/admin/status.ts';

const here = { host: '127.0.0.1', port: 0 };

describe('the admin surface', () => {
  let admin: Admin;
  let clusters = [main];
  let base = '';

  before(async () => {
    admin = await startAdmin(here, { ...sourcesOf([]), clusters: () => clusters });
    base = `http://127.0.0.1:${admin.address.port}`;
  });
  after(() => admin.close());

  test('/metrics gives the scrape with its content type', async () => {
    const answer = await fetch(`${base}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.equal(await answer.text(), 'pointsman_up 1\n');
  });

  test('/healthz answers while nothing is ready, /readyz says why not', async () => {
    clusters = [{ ...main, listening: false }];
    const ready = await fetch(`${base}/readyz`);
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), {
      ready: false,
      reasons: ['cluster main does not take clients on 127.0.0.1:6432'],
    });
    clusters = [main];
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
  });

  test('/api/view gives clusters with view, pools, sessions and pins', async () => {
    const { clusters: shown } = (await (await fetch(`${base}/api/view`)).json()) as {
      clusters: (typeof main)[];
    };
    assert.equal(shown[0]?.view.primary, 'pg-1');
    assert.equal(shown[0]?.view.nodes[0]?.lagBytes, 42);
    assert.deepEqual(shown[0]?.sessions.pinned, { listen: 1 });
    assert.equal(shown[0]?.pools[0]?.open, 3);
  });

  test('/api/explain passes cluster, database and statement on; the only cluster is the default', async () => {
    const answer = await fetch(`${base}/api/explain?database=shop&sql=${encodeURIComponent('SELECT 1 & 2')}`);
    assert.deepEqual(await answer.json(), {
      kind: 'read',
      route: 'replica',
      rule: 'R01',
      detail: 'main shop',
      reason: 'SELECT 1 & 2',
      lane: { may: 'no', because: 'it is no plain read' },
    });
  });

  const bad: [string, number, RegExp][] = [
    ['/api/explain', 400, /say which statement/],
    ['/api/explain?sql=SELECT+1&cluster=x', 400, /no such cluster; known: main/],
    ['/api/explain?sql=a&sql=b', 400, /sql is given twice/],
    [`/api/explain?sql=${'x'.repeat(9000)}`, 400, /longer than 8192/],
    ['/nothing?password=1', 404, /there is no \/nothing; \/ lists/],
  ];
  for (const [path, status, message] of bad) {
    test(`a bad question is answered with what is wrong: ${path.slice(0, 40)}`, async () => {
      const answer = await fetch(base + path);
      assert.equal(answer.status, status);
      assert.match(((await answer.json()) as { error: string }).error, message);
    });
  }

  test('headers without end are refused', async () => {
    const answer = await fetch(`${base}/healthz`, { headers: { 'x-long': 'x'.repeat(20_000) } });
    assert.equal(answer.status, 431);
  });

  test('only GET and HEAD are allowed', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await fetch(`${base}/api/view`, { method });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.get('allow'), 'GET, HEAD');
    }
    assert.equal((await fetch(`${base}/healthz`, { method: 'HEAD' })).status, 200);
  });

  test('/ is a page that lists the others', async () => {
    const answer = await fetch(base);
    assert.match(answer.headers.get('content-type') ?? '', /text\/html/);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.match(await answer.text(), /href="\/metrics"/);
  });

  test('a taken port is an error that names the port and the option', async () => {
    await assert.rejects(startAdmin(admin.address, sourcesOf([])), (error) => {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.code, 'PORT_TAKEN');
      assert.match(error.message, new RegExp(`port ${admin.address.port} .*admin\\.listen\\.port`));
      return true;
    });
  });
});

test('closing ends kept-alive and half-spoken connections and frees the port', async () => {
  const admin = await startAdmin(here, sourcesOf([main]));
  const agent = new Agent({ keepAlive: true });
  const kept = request({ ...admin.address, path: '/healthz', agent }).end();
  const [answer] = await once(kept, 'response');
  answer.resume();
  await once(answer, 'end');
  const silent = connect(admin.address);
  await once(silent, 'connect');
  silent.write('GET /healthz HTTP/1.1\r\n');
  // Reset or ended, but gone.
  silent.on('error', () => undefined);
  const gone = new Promise((resolve) => silent.once('close', resolve));
  silent.resume();
  await admin.close();
  await gone;
  agent.destroy();
  const again = await startAdmin(admin.address, sourcesOf([main]));
  await again.close();
});

test('an error inside is not shown outside', async () => {
  const admin = await startAdmin(here, {
    ...sourcesOf([main]),
    explain: () => Promise.reject(new Error('password=hush')),
  });
  const answer = await fetch(`http://127.0.0.1:${admin.address.port}/api/explain?sql=x`);
  assert.equal(answer.status, 500);
  assert.deepEqual(await answer.json(), { error: 'internal error' });
  await admin.close();
});
