import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARS, type Judged, judge } from '../../../bench/bars.ts';
import { emptyScore, type Score } from '../../../bench/contest.ts';
import { FLOOR, FLOOR_WORDS, LOGIN_FLOOR, TRANSACTION_FLOOR } from '../../../bench/floor/floor.ts';
import { readProfile, stageTable, stageTimes } from '../../../bench/report/flame.ts';
import { pageText } from '../../../bench/report/page.ts';
import { acceptancePlot, plotsOf } from '../../../bench/report/plots.ts';
import { losses } from '../../../bench/report/sections.ts';
import { barPlot, endLabels, escaped, linePlot, roundUp } from '../../../bench/report/svg.ts';
import {
  judgeAll,
  merged,
  NOTHING,
  parseResults,
  type Results,
  resultsText,
} from '../../../bench/results.ts';

const score = (name: string, tps: number[], cost: number[] = []): Score => ({
  ...emptyScore(name),
  tps,
  cost,
});

const RESULTS: Results = {
  machine: '2 cores',
  versions: { PgBouncer: '1.26.1' },
  trials: {
    'select-64': {
      ...{
        title: 'a trial',
        engine: 'postgres',
        day: '2026-01-31',
        rounds: 3,
        seconds: 2,
        notes: [],
        tables: [],
      },
      readings: { 'tps/direct': [1.4, 1.5, 1.6], 'tps/PgBouncer': [1.1, 1.2, Number.NaN] },
      scores: [score('direct', [10, 10, 10])],
    },
  },
  survey: Object.fromEntries(
    [1, 64].map((clients) => [
      `simple-${clients}`,
      {
        ...{
          title: `simple, ${clients} clients`,
          engine: 'postgres',
          day: '2026-01-31',
          rounds: 3,
          seconds: 2,
        },
        ...{ readings: {}, notes: [], tables: [], group: 'simple', clients },
        scores: [
          score('direct', [20, 20, 20]),
          score('PgBouncer, pool of 8', [10, 10, 10], [12, 12, 12]),
          score('Pointsman, reads: primary', clients === 1 ? [8, 8, 8] : [30, 30, 30], [9, 9, 9]),
        ],
      },
    ]),
  ),
};

/** Every element is closed, and no text breaks the markup. */
function isWellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, closing, name, , selfClosing] of svg.matchAll(
    /<(\/?)([a-z]+)((?:[^<>"]|"[^"]*")*?)(\/?)>/g,
  )) {
    if (selfClosing === '/') continue;
    if (closing === '') open.push(name ?? '');
    else if (open.pop() !== name) return false;
  }
  return open.length === 0 && svg.startsWith('<svg ') && !/NaN|undefined|Infinity/.test(svg);
}

test('results are kept as they were, with the rounds that failed', () => {
  const text = resultsText(RESULTS);
  assert.deepEqual(parseResults(text), RESULTS);
  assert.match(text, /\[ 1\.1, 1\.2, null \]/);
});

test('a later run renews what it measured and leaves the rest', () => {
  const fresh = { ...NOTHING, survey: { 'simple-1': { ...RESULTS.survey['simple-64'], day: '2026-02-01' } } };
  const both = merged(RESULTS, fresh as Results);
  assert.equal(both.machine, '2 cores');
  assert.equal(both.survey['simple-1']?.day, '2026-02-01');
  assert.equal(both.survey['simple-64']?.day, '2026-01-31');
  assert.ok(both.trials['select-64']);
});

test('the page begins with the acceptance table, and says of every bar whether it is met', () => {
  const judged = BARS.map((bar) => judge(bar, RESULTS.trials[bar.trial]?.readings));
  const page = pageText(RESULTS, judged, '## Notes\n\nBy hand.\n');
  const rows = page.split('\n').filter((line) => /\| +(met|MISSED|not measured) \|$/.test(line));
  assert.equal(rows.length, BARS.length);
  assert.match(rows[0] ?? '', /≥ 1\.30 × \| +1\.50 × \| +met/);
  assert.match(rows[1] ?? '', /≥ 1\.60 × \| +1\.15 × \| +MISSED/);
  assert.ok(page.indexOf('## What must hold') < page.indexOf('## Short reads'));
  assert.match(page, /PgBouncer 1\.26\.1/);
  assert.match(page, /By hand\.\n$/);
});

/** The same trial with the floor in it, at these transactions a second beside 10 of the direct connection. */
function withFloor(tps: number): Results {
  const trial = RESULTS.trials['select-64'];
  assert.ok(trial);
  const readings = { ...trial.readings, 'tps/direct': [1.1, 1.2, 1.25] };
  const scores = [...trial.scores, score(FLOOR, [tps, tps, tps])];
  return { ...RESULTS, trials: { 'select-64': { ...trial, readings, scores } } };
}

test('a missed bar stands beside what the floor reached in the same run', () => {
  const results = withFloor(12.5);
  const page = pageText(results, judgeAll(results), '');
  const [first = '', second = ''] = page.split('\n').filter((line) => line.startsWith('| 64 clients'));
  assert.match(first, /≥ 1\.30 × \| +1\.20 × \| +1\.25 × \| +MISSED/);
  assert.match(second, /≥ 1\.60 × \| +1\.15 × \| +– \| +MISSED/);
  assert.match(page, /floor, which does none of a proxy's work, reached 1\.25 × in the same run and misses/);
  assert.match(page, /and who makes fewer system calls passes it/);
});

test('the page tells of the forms of the floor that took part, and of no other', () => {
  const results = withFloor(12.5);
  const trial = results.trials['select-64'];
  assert.ok(trial);
  const scores = [...trial.scores, score(`${TRANSACTION_FLOOR}, pool of 8`, [1])];
  const both = { ...results, trials: { 'select-64': { ...trial, scores } } };
  const page = pageText(both, judgeAll(both), '');
  assert.ok(page.includes(`- *${FLOOR}*: ${FLOOR_WORDS[FLOOR]}.\n- *${TRANSACTION_FLOOR}*: `));
  assert.ok(!page.includes(LOGIN_FLOOR));
});

test('why a bar is missed is told by the figures of the run first, then by hand', () => {
  const missed = { ...BARS.find(({ trial }) => trial === 'tpcb-16'), value: 0.8, met: false, floor: 0.9 };
  const page = pageText(RESULTS, [missed as Judged], '');
  assert.match(page, /: missed, 0\.80 ×; the floor, .* reached 0\.90 × .* misses it too\. Statements of a/);
  assert.ok(!page.includes('no reason is known yet'));
});

test('a floor that meets the bar excuses nothing', () => {
  const results = withFloor(14);
  assert.match(
    pageText(results, judgeAll(results), ''),
    /the floor reached 1\.40 × in the same run, so Node does not rule it out/,
  );
});

test('results from before the floor are a page without it', () => {
  const page = pageText(RESULTS, judgeAll(parseResults(resultsText(RESULTS))), '');
  assert.ok(!page.includes('floor'));
  assert.match(page, /missed, 1\.15 ×; no reason is known yet/);
});

test('a page of nothing says that nothing was measured', () => {
  const page = pageText(
    NOTHING,
    BARS.map((bar) => judge(bar, undefined)),
    '',
  );
  assert.match(page, /Nothing was measured yet/);
});

test('what loses is told, the worst first, and what wins is not', () => {
  const [, list = ''] = losses(RESULTS);
  assert.deepEqual(list.split('\n'), ['- simple, 1 clients: 0.40 × the throughput of direct']);
});

/** Two trials with a missed bar, one of them profiled beside the floor, and a met one. */
function profiled(): Results {
  const trial = withFloor(12.5).trials['select-64'];
  assert.ok(trial);
  const missed = { 'tps/PgBouncer': [0.5], 'cost/PgBouncer': [2] };
  const scores = [score('Pointsman, reads: primary', [8], [30, 32]), score(FLOOR, [9], [20, 21])];
  const profile = { 'sockets (src/net)': 4.04, 'the event loop: polling, reading from sockets': 30 };
  const other = { ...profile, 'sockets (src/net)': 50, 'collecting garbage': 1 };
  return {
    ...RESULTS,
    trials: {
      'select-4': { ...trial, title: 'reads of four', scores, readings: missed, profile },
      'tpcb-16': { ...trial, title: 'transactions', scores: [], readings: missed, profile: other },
      'select-16': { ...trial, scores, readings: missed },
      connects: { ...trial, readings: { 'tps/PgBouncer': [0.9] }, profile },
    },
  };
}

/** What the page says between the acceptance table and what follows it. */
const timesOf = (results: Results): string =>
  /### Where the time .*?(?=\n## )/s.exec(pageText(results, judgeAll(results), ''))?.[0] ?? '';

test('the page says where the time of every missed bar goes, beside what the floor costs', () => {
  const lines = timesOf(profiled()).split('\n');
  const cells = lines
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  assert.deepEqual(
    cells.map((row) => row.slice(1, -1)).filter((_, at) => at !== 1),
    [
      ['stage, µs', 'select-4', 'tpcb-16'],
      ['the event loop: polling, reading from sockets', '30.0', '30.0'],
      ['sockets (src/net)', '4.0', '50.0'],
      ['collecting garbage', '–', '1.0'],
      ['**all of it, by the clock**', '34.0', '81.0'],
      ['processor time in the rounds: Pointsman', '31.0', '–'],
      ['processor time in the rounds: the floor', '20.5', '–'],
    ],
  );
  assert.ok(lines.includes('- *select-4*: reads of four'));
  assert.ok(lines.includes('Without a profile: select-16.'));
});

test('a page without a missed bar says nothing of where time goes', () => {
  const { connects } = profiled().trials;
  assert.ok(connects);
  assert.equal(timesOf({ ...RESULTS, trials: { connects } }), '');
});

test('a profile is kept until its trial is measured again', () => {
  const old = parseResults(resultsText(profiled()));
  assert.deepEqual(old.trials['select-4']?.profile, profiled().trials['select-4']?.profile);
  const { 'tpcb-16': fresh } = profiled().trials;
  assert.ok(fresh);
  const { profile: _gone, ...again } = fresh;
  const both = merged(old, { ...NOTHING, trials: { 'tpcb-16': again } });
  assert.ok(both.trials['select-4']?.profile);
  assert.equal(both.trials['tpcb-16']?.profile, undefined);
});

test('a plot is drawn of every group that was measured, with every contestant once', () => {
  const plots = plotsOf(RESULTS);
  assert.deepEqual(
    plots.map(({ file }) => file),
    ['simple-tps.svg', 'simple-cost.svg'],
  );
  for (const { svg } of plots) assert.ok(isWellFormed(svg), svg);
  const [first] = plots;
  for (const name of ['direct', 'PgBouncer', 'Pointsman, reads: primary'])
    assert.equal(first?.svg.split(`>${name}<`).length, 2, name);
});

test('the plot of the bars shows what is met and what is not', () => {
  const svg = acceptancePlot(BARS.map((bar) => judge(bar, RESULTS.trials[bar.trial]?.readings)));
  assert.ok(isWellFormed(svg));
  assert.equal(svg.split('class="bar good"').length - 1, 1);
  assert.match(svg, /not measured/);
});

test('words in a plot cannot break it', () => {
  assert.equal(escaped('a < b & "c"'), 'a &lt; b &amp; &quot;c&quot;');
  const rows = [{ name: '<x>', value: Number.NaN, label: '&' }];
  assert.ok(isWellFormed(barPlot({ title: '"', unit: '<', rows, mark: 1 })));
  const series = [{ name: 'a', values: [Number.NaN] }];
  assert.ok(isWellFormed(linePlot({ title: 'none', unit: '', x: ['1'], xTitle: '', series })));
});

test('an axis ends at a round number that nothing exceeds', () => {
  assert.deepEqual([0, 0.7, 12, 59_900, 60_000].map(roundUp), [1, 0.8, 15, 60_000, 60_000]);
});

test('names at the ends of lines never stand on one another', () => {
  const series = Array.from({ length: 6 }, (_, at) => ({ name: String(at), values: [100 + at] }));
  const places = endLabels(series, (value) => value).map(({ y }) => y);
  for (const [at, y] of places.entries())
    assert.ok(at === 0 || y - (places[at - 1] ?? 0) >= 15, String(places));
});

const node = (id: number, functionName: string, url: string, children: number[] = []): object => ({
  ...{ id, children },
  callFrame: { functionName, url, lineNumber: 0 },
});

const PROFILE = JSON.stringify({
  nodes: [
    node(1, '(root)', '', [2, 3]),
    node(2, '(idle)', ''),
    node(3, 'read', 'file:///x/src/net/connection.ts', [4]),
    node(4, 'writeBuffer', ''),
  ],
  samples: [4, 2, 3, 4],
  timeDeltas: [10_000, 500, 1_000, 3_000],
});

test('a profile is read from its end, without waiting', () => {
  const root = readProfile(PROFILE, 4.5);
  assert.equal(root.total, 4_000);
  assert.deepEqual(
    root.children.map(({ name, place, self, total }) => [name, place, self, total]),
    [['read', 'src/net/connection.ts:1', 1_000, 4_000]],
  );
});

test('a profiler that had to wait for a core says little of what ran meanwhile', () => {
  const starved = PROFILE.replace('[10000,500,1000,3000]', '[10000,500,1000,9000000]');
  assert.notEqual(starved, PROFILE);
  assert.equal(readProfile(starved).total, 21_000);
});

test('the time per stage is told per query, with what the profiler did not see', () => {
  const lines = stageTable(stageTimes(readProfile(PROFILE, 4.5), 1_000, 5)).split('\n');
  assert.match(lines[2] ?? '', /native calls .* 3\.00 \| 60\.0 %/);
  assert.ok(lines.some((line) => /event loop.* 1\.00 \| 20\.0 %/.test(line)));
  assert.ok(lines.some((line) => /sockets \(src\/net\).* 1\.00 \| 20\.0 %/.test(line)));
});
