import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inUnit, isMet, type Judged, type TrialId } from '../bars.ts';
import { FLOOR_WORDS } from '../floor/floor.ts';
import { counted } from '../loads/pgbench-load.ts';
import { REMARKS } from '../remarks.ts';
import { judgeAll, type Results, writeResults } from '../results.ts';
import { acceptancePlot, plotsOf } from './plots.ts';
import { profiles } from './profiles.ts';
import { losses, sections } from './sections.ts';
import { barTable, failureLines, scoreTable } from './tables.ts';

/** Written by hand, and part of the page. */
const NOTES = 'notes.md';

/** Writes performance.md in `docs`, and beside it, in performance/, the plots, all tables and the results themselves. */
export async function writePage(docs: string, results: Results): Promise<void> {
  const folder = join(docs, 'performance');
  await mkdir(folder, { recursive: true });
  const notes = await readFile(join(folder, NOTES), 'utf8').catch(() => '');
  const plots = plotsOf(results);
  const judged = judgeAll(results);
  await writeResults(join(folder, 'results.json'), results);
  await writeFile(join(folder, 'bars.svg'), acceptancePlot(judged));
  for (const { file, svg } of plots) await writeFile(join(folder, file), svg);
  await writeFile(join(folder, 'tables.md'), tablesText(results));
  await writeFile(join(docs, 'performance.md'), pageText(results, judged, notes));
}

/** The page. Pure. */
export function pageText(results: Results, judged: readonly Judged[], notes: string): string {
  const plots = plotsOf(results).map(({ file }) => file);
  const parts = [
    HEADER,
    '## What must hold',
    ...acceptance(results, judged),
    '## Where and with what',
    ...setting(results),
    ...sections(results, plots),
    ...burdens(results),
    '## What is slower than the best of the others',
    ...losses(results),
    ...(notes === '' ? [] : [notes.trim()]),
  ];
  return `${parts.join('\n\n')}\n`;
}

const HEADER = `# Performance

Figures depend on the machine, and on what else it does. So nothing here is a claim by itself: every figure
stands beside that of a peer that was measured in turn with it, in one run, by a command that anybody can
repeat. Read the ratios. This page is written by that command; what is written by hand is in
[bench/remarks.ts](../bench/remarks.ts) and [performance/notes.md](performance/notes.md).

\`\`\`
npm run bench                # everything; an hour and more
npm run bench -- --quick     # a short look, within three minutes; writes nothing
npm run bench -- bars        # the table that follows, alone
npm run bench -- --help      # all others
\`\`\`

It lays clusters of its own (one primary, two replicas each), starts the proxies before them, each in its own
process, and ends everything. Peers are taken from a Debian root or from the PATH; \`npm run tools -- peers\`
installs what Debian has of them.`;

function acceptance(results: Results, judged: readonly Judged[]): string[] {
  const count = judged.filter(({ met }) => met === true).length;
  const first = Object.values(results.trials)[0];
  const how =
    first === undefined
      ? 'Nothing was measured yet.'
      : `Medians of ${counted(first.rounds, 'round')} of ${first.seconds} s in turn; a ratio is the median of the ratios within each
round. PgBouncer is taken at its best pool of 4, 8 or 20 server connections, for each measure by itself; Pointsman is one
process, in transaction pooling, with its reads on the primary but for the split, and lanes on. Exit code 1 if a single bar
is missed. ${count} of ${judged.length} bars are met.`;
  const remarks = judged.flatMap(remarkLine);
  return [
    how,
    barTable(judged),
    ...floorLines(results),
    ...(remarks.length > 0 ? [remarks.join('\n')] : []),
    '![How far from its bar each measure is](performance/bars.svg)',
    ...profiles(results, judged),
  ];
}

/** What each form of the floor is that took part. */
function floorLines({ trials }: Results): string[] {
  const present = new Set(
    Object.values(trials).flatMap(({ scores }) => scores.map(({ name }) => formOf(name))),
  );
  const lines = Object.entries(FLOOR_WORDS).filter(([name]) => present.has(name));
  return lines.length === 0 ? [] : [lines.map(([name, words]) => `- *${name}*: ${words}.`).join('\n')];
}

/** Without the size of its pool. */
const formOf = (name: string): string => name.replace(/, pool of \d+$/, '');

/** Of a missed bar what the figures themselves say; of any what is known of it by hand. */
function remarkLine(bar: Judged): string[] {
  const remark = REMARKS[`${bar.trial} ${bar.reading}`];
  const known = remark === undefined ? '; no reason is known yet' : '';
  const said = [
    ...(bar.met === false ? [`missed, ${inUnit(bar.value, bar.unit)}${besideFloor(bar)}${known}.`] : []),
    ...(remark === undefined ? [] : [remark]),
  ];
  return said.length === 0 ? [] : [`- *${bar.measure}*: ${said.join(' ')}`];
}

function besideFloor(bar: Judged): string {
  if (!Number.isFinite(bar.floor)) return '';
  const reached = inUnit(bar.floor, bar.unit);
  return isMet(bar, bar.floor)
    ? `; the floor reached ${reached} in the same run, so Node does not rule it out here`
    : `; the floor, which does none of a proxy's work, reached ${reached} in the same run and misses it too`;
}

function setting({ machine, versions }: Results): string[] {
  return [
    `${machine}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    PEERS,
  ];
}

const PEERS = `How each is set up, and why:

- *direct*: the client on the primary itself, no proxy.
- *PgBouncer*: transaction pooling, prepared statements carried over, no log of connections; the best of three pool sizes.
- *Pgpool-II*: streaming replication mode with load balancing over all three nodes, its own choice of a node for each
  session; as many children as clients, one cached connection each, as there is one user and one database. Left out
  beyond 200 clients: it would be three server connections for each.
- *Odyssey*: transaction pooling with 20 server connections, prepared statements carried over, one worker.
- *HAProxy*: TCP mode, one thread. It pools nothing: a server connection for each client.
- *MySQL Router*: classic protocol, bytes passed through. *ProxySQL*: one thread, monitor off; Debian does not carry it.
- *Pointsman*: one process, transaction pooling, at most 20 server connections per node, lanes on, nothing encrypted, as for
  all of them. *reads: primary* is the same work as the others'; *reads: replicas* sends the reads to both replicas.

CPU is the proxy's own, user and system, of all its processes, log-ins left out, per transaction or query. Memory is the most
that was seen under the load, what several processes share counted once. The servers run with \`fsync=off\` or its like: what
is measured are proxies, not disks. The client is one thread of pgbench, or sysbench.`;

/** Trials that have tables of their own, or none of the survey's loads beside them. */
const BURDENS: readonly TrialId[] = ['large', 'idle', 'connects', 'crowd'];

function burdens({ trials }: Results): string[] {
  return BURDENS.flatMap((id) => {
    const found = trials[id];
    if (found === undefined) return [];
    const { title, rounds, scores, tables, notes } = found;
    return [
      `## ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
      `${counted(rounds, 'round')} in turn, medians.`,
      ...(scores.length > 0 ? [scoreTable(scores)] : []),
      ...tables,
      ...notes.map((note) => `- ${note}`),
    ];
  });
}

/** Every load with everything that was measured. Pure. */
function tablesText({ trials, survey }: Results): string {
  const all = [...Object.values(trials), ...Object.values(survey)];
  const parts = all
    .filter(({ scores, tables }) => scores.length + tables.length > 0)
    .map(({ title, day, rounds, seconds, scores, tables, notes }) =>
      [
        `## ${title}`,
        `${day}; ${counted(rounds, 'round')} of ${seconds} s in turn, medians.`,
        ...(scores.length > 0 ? [scoreTable(scores)] : []),
        ...tables,
        ...[...new Set([...notes, ...failureLines(scores)])].map((line) => `- ${line}`),
      ].join('\n\n'),
    );
  return `${['# All loads', 'Written by `npm run bench`; see [performance](../performance.md).', ...parts].join('\n\n')}\n`;
}
