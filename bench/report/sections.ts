import type { Score } from '../contest.ts';
import { figure, median, pairedRatio, table, times } from '../figures.ts';
import { counted } from '../loads/pgbench-load.ts';
import { best, isOf, plainName } from '../readings.ts';
import type { Results, Surveyed } from '../results.ts';
import { DIRECT, OURS } from '../ring.ts';
import type { Group } from '../survey.ts';

/** The page after the acceptance table: a section for each kind of load that was measured, with those `plots`. Pure. */
export function sections(results: Results, plots: readonly string[]): string[] {
  return SECTIONS.flatMap(({ group, title, words, images }) => {
    const loads = Object.values(results.survey).filter((load) => load.group === group);
    if (loads.length === 0) return [];
    const [first] = loads;
    const took = `${counted(first?.rounds ?? 0, 'round')} of ${first?.seconds} s in turn, medians. Everything measured: [tables](performance/tables.md).`;
    return [
      `## ${title}`,
      `${words} ${took}`,
      ...images.filter(([file]) => plots.includes(file)).map(image),
      ...groupTables(loads),
    ];
  });
}

interface Section {
  readonly group: Group;
  readonly title: string;
  readonly words: string;
  /** Files in performance/, and what they show. */
  readonly images: readonly (readonly [file: string, alt: string])[];
}

const SECTIONS: readonly Section[] = [
  {
    group: 'simple',
    title: 'Short reads, simple protocol',
    words: '`pgbench -S -M simple`.',
    images: [
      ['simple-tps.svg', 'Transactions a second over the number of clients'],
      ['simple-cost.svg', 'Processor time per query over the number of clients'],
      ['simple-p99.svg', 'p99 of the latency over the number of clients'],
    ],
  },
  {
    group: 'extended',
    title: 'Short reads, extended protocol',
    words: '`pgbench -S -M extended`.',
    images: [['extended-tps.svg', 'Transactions a second over the number of clients']],
  },
  {
    group: 'prepared',
    title: 'Short reads, prepared',
    words: '`pgbench -S -M prepared`.',
    images: [
      ['prepared-tps.svg', 'Transactions a second over the number of clients'],
      ['prepared-cost.svg', 'Processor time per query over the number of clients'],
    ],
  },
  { group: 'tpcb', title: 'Transactions', words: "pgbench's TPC-B-like transaction, simple.", images: [] },
  {
    group: 'mixed',
    title: 'Short reads beside long ones',
    words:
      'Eight clients read for 200 ms each, waiting; sixteen others make point selects, and only those are counted.',
    images: [['mixed-p99.svg', 'p99 of the short reads']],
  },
  {
    group: 'pinned',
    title: 'Servers and clients on one core, the proxy on another',
    words:
      '`pgbench -S -M simple`; the direct connection has the one core alone, each proxy one core more than that.',
    images: [['pinned-tps.svg', 'Transactions a second over the number of clients']],
  },
  {
    group: 'mysql',
    title: 'MySQL',
    words: "sysbench's point select, as text and prepared, and its transactions; queries are counted.",
    images: [
      ['mysql-tps.svg', 'Queries a second over the number of threads'],
      ['mysql-cost.svg', 'Processor time per query over the number of threads'],
    ],
  },
  {
    group: 'mariadb',
    title: 'MariaDB',
    words: 'The same.',
    images: [
      ['mariadb-tps.svg', 'Queries a second over the number of threads'],
      ['mariadb-cost.svg', 'Processor time per query over the number of threads'],
    ],
  },
];

const image = ([file, alt]: readonly [string, string]): string => `![${alt}](performance/${file})`;

/** What a table of a group tells of every contestant. */
const COLUMNS: readonly {
  readonly quantity: 'tps' | 'cost' | 'p99';
  readonly words: string;
  readonly cell: (score: Score, direct: Score | undefined) => string;
}[] = [
  {
    quantity: 'tps',
    words: "Throughput: the direct connection's a second, and the part of it that each proxy gives.",
    cell: (score, direct) =>
      score === direct ? figure(median(score.tps)) : times(pairedRatio(score.tps, direct?.tps ?? [])),
  },
  {
    quantity: 'cost',
    words: 'Processor time of the proxy in µs, per transaction or query.',
    cell: ({ cost }) => figure(median(cost), 1),
  },
  { quantity: 'p99', words: 'Latency in ms, p99.', cell: ({ p99 }) => figure(median(p99), 2) },
];

/** A line a load, a column a contestant, each peer at its best. */
function groupTables(loads: readonly Surveyed[]): string[] {
  const names = contestantsOf(loads);
  return COLUMNS.flatMap(({ quantity, words, cell }) => {
    const shown = names.filter((name) =>
      loads.some(({ scores }) => best(scores, name, quantity) !== undefined),
    );
    const rows = loads.map(({ title, scores }) => {
      const direct = best(scores, DIRECT, quantity);
      const cells = shown.map((name) => best(scores, name, quantity)).map((one) => one && cell(one, direct));
      return [title, ...cells.map((one) => one ?? '–')];
    });
    return [words, table(['load', ...shown.map(shortName)], rows)];
  });
}

/** Every peer once; ours both ways, last. */
export function contestantsOf(loads: readonly Pick<Surveyed, 'scores'>[]): string[] {
  const names = loads.flatMap(({ scores }) =>
    scores.map((score) => (isOf(score, OURS) ? score.name : plainName(score.name))),
  );
  const unique = [...new Set(names)];
  const isOurs = (name: string): boolean => isOf({ name }, OURS);
  return [...unique.filter((name) => !isOurs(name)), ...unique.filter(isOurs)];
}

const shortName = (name: string): string => name.replace(', reads:', ',');

/** Where another one has the greater throughput, or a peer the smaller processor time; the worst first. Pure. */
export function losses({ survey }: Results): string[] {
  const found = Object.values(survey).flatMap((load) => [lossOf(load, 'tps'), lossOf(load, 'cost')]);
  const lines = found.filter((loss) => loss !== undefined).sort((a, b) => b.factor - a.factor);
  const split =
    'Both ways of Pointsman take part in this comparison, *reads: primary* and *reads: replicas*; the better one counts.';
  if (Object.keys(survey).length === 0) return ['Nothing was measured yet.'];
  if (lines.length === 0) return [`Nothing that was measured. ${split}`];
  return [split, lines.map(({ words }) => `- ${words}`).join('\n')];
}

interface Loss {
  readonly factor: number;
  readonly words: string;
}

function lossOf({ title, scores, group }: Surveyed, quantity: 'tps' | 'cost'): Loss | undefined {
  const ours = best(scores, OURS, quantity);
  const others = scores.filter((score) => !isOf(score, OURS) && median(score[quantity]) > 0);
  const sign = quantity === 'tps' ? -1 : 1;
  const [winner] = others.sort((a, b) => sign * (median(a[quantity]) - median(b[quantity])));
  if (ours === undefined || winner === undefined) return undefined;
  const ratio = pairedRatio(ours[quantity], winner[quantity]);
  const factor = quantity === 'tps' ? 1 / ratio : ratio;
  if (!(factor > 1)) return undefined;
  const where = group === 'pinned' ? `${title}, pinned apart` : title;
  return { factor, words: `${where}: ${lossWords(winner, ratio, quantity)}` };
}

const lossWords = ({ name }: Score, ratio: number, quantity: 'tps' | 'cost'): string =>
  quantity === 'tps'
    ? `${times(ratio)} the throughput of ${name}`
    : `${times(ratio)} the processor time of ${name}`;
