import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { page } from '../../../src/admin/page.ts';
import { notReady } from '../../../src/admin/readiness.ts';
import { emptyView } from '../../../src/core/view.ts';
import { main, replica, sourcesOf } from './status.ts';

describe('ready is: every cluster takes clients and has a usable node', () => {
  const down = { ...replica, state: 'down', reason: 'refused' } as const;
  const rows: [string, Parameters<typeof notReady>[0], RegExp | undefined][] = [
    ['a replica alone is enough', [main], undefined],
    ['no cluster', [], /no cluster/],
    ['a listener that is not open', [{ ...main, listening: false }], /main does not take clients on 127/],
    ['nothing probed yet', [{ ...main, view: emptyView }], /main has not been seen yet/],
    [
      'only nodes that are down',
      [{ ...main, view: { ...main.view, nodes: [down] } }],
      /no usable node \(pg-2 is down: refused\)/,
    ],
    ['one cluster of two', [main, { ...main, name: 'b', listening: false }], /^cluster b/],
  ];
  for (const [name, clusters, reason] of rows) {
    test(name, () => {
      const reasons = notReady(clusters);
      assert.equal(reasons.length, reason === undefined ? 0 : 1, reasons.join('\n'));
      if (reason !== undefined) assert.match(reasons[0] ?? '', reason);
    });
  }
});

test('the page shows each pool with what sessions share of it', async () => {
  const [pool] = main.pools;
  assert.ok(pool !== undefined);
  const made = await page(sourcesOf([{ ...main, pools: [{ ...pool, user: '<i>' }] }]));
  const cells = ['pg-2', '&lt;i&gt;', 'shop', '3 of 20', '1', '1', '17', '0'];
  assert.ok(made.includes(`<tr>${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`), made);
  assert.doesNotMatch(await page(sourcesOf([{ ...main, pools: [] }])), /Waiting/);
});

test('the page shows the view, and names from outside cannot become markup', async () => {
  const evil = { ...replica, reason: `<script>alert("1")</script>` };
  const made = await page(sourcesOf([{ ...main, name: '<b>', view: { ...main.view, nodes: [evil] } }]));
  assert.match(made, /10\.0\.0\.2:5432/);
  assert.match(made, /&lt;script&gt;alert\(&quot;1&quot;\)/);
  assert.doesNotMatch(made, /<script|<b>/);
  assert.match(made, /href="\/api\/view"/);
});
