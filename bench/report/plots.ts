import { inUnit, type Judged } from '../bars.ts';
import { figure, median } from '../figures.ts';
import { best } from '../readings.ts';
import type { Results, Surveyed } from '../results.ts';
import { contestantsOf } from './sections.ts';
import { barPlot, linePlot, type Series } from './svg.ts';

export interface Plot {
  readonly file: string;
  readonly svg: string;
}

type Quantity = 'tps' | 'cost' | 'p99';

const WORDS: Readonly<Record<Quantity, { readonly title: string; readonly unit: string }>> = {
  tps: { title: 'Throughput', unit: 'a second; more is better' },
  cost: { title: 'Processor time of the proxy', unit: 'µs each; less is better' },
  p99: { title: 'Latency, p99', unit: 'ms; less is better' },
};

/** A line plot for each of these, over the numbers of clients. */
const LINES: readonly (readonly [group: string, quantity: Quantity, title: string])[] = [
  ['simple', 'tps', 'pgbench -S, simple'],
  ['simple', 'cost', 'pgbench -S, simple'],
  ['simple', 'p99', 'pgbench -S, simple'],
  ['extended', 'tps', 'pgbench -S, extended'],
  ['prepared', 'tps', 'pgbench -S, prepared'],
  ['prepared', 'cost', 'pgbench -S, prepared'],
  ['pinned', 'tps', 'pgbench -S, simple, pinned apart'],
  ['mysql', 'tps', 'MySQL, point select as text'],
  ['mysql', 'cost', 'MySQL, point select as text'],
  ['mariadb', 'tps', 'MariaDB, point select as text'],
  ['mariadb', 'cost', 'MariaDB, point select as text'],
];

/** All plots that there are measurements for. Pure. */
export function plotsOf({ survey }: Results): Plot[] {
  const loads = Object.values(survey);
  const lines = LINES.flatMap(([group, quantity, title]) => {
    const of = loads.filter((load) => load.group === group && isPlotted(load));
    return linesOf(of, group, quantity, title);
  });
  const mixed = loads.filter(({ group }) => group === 'mixed');
  return mixed.length === 0 ? lines : [...lines, mixedPlot(mixed)];
}

/** Of sysbench's loads the one as text; prepared ones are in the tables. */
const isPlotted = ({ group, title }: Surveyed): boolean =>
  (group !== 'mysql' && group !== 'mariadb') || title.includes('point_select, as text');

/** None where nothing of it was measured. */
function linesOf(loads: readonly Surveyed[], group: string, quantity: Quantity, title: string): Plot[] {
  const ordered = [...loads].sort((a, b) => a.clients - b.clients);
  const series = contestantsOf(ordered)
    .map(
      (name): Series => ({ name, values: ordered.map(({ scores }) => bestMedian(scores, name, quantity)) }),
    )
    .filter(({ values }) => values.some(Number.isFinite));
  if (series.length === 0) return [];
  const { title: what, unit } = WORDS[quantity];
  const x = ordered.map(({ clients }) => String(clients));
  const svg = linePlot({ title: `${what}: ${title}`, unit, x, xTitle: 'clients', series });
  return [{ file: `${group}-${quantity}.svg`, svg }];
}

const bestMedian = (scores: Surveyed['scores'], name: string, quantity: Quantity): number =>
  median(best(scores, name, quantity)?.[quantity] ?? []);

function mixedPlot(loads: readonly Surveyed[]): Plot {
  const rows = loads.flatMap((load) =>
    contestantsOf([load]).map((name) => {
      const value = bestMedian(load.scores, name, 'p99');
      return { name: `${name} (${load.engine})`, value, label: `${figure(value, 2)} ms` };
    }),
  );
  const svg = barPlot({ title: 'p99 of short reads beside long ones', unit: WORDS.p99.unit, rows });
  return { file: 'mixed-p99.svg', svg };
}

/** More than this is drawn as this. */
const FARTHEST = 3;

/** For each bar how far what was measured is on the good side of it: 1 is the bar itself. Pure. */
export function acceptancePlot(judged: readonly Judged[]): string {
  const rows = judged.map(({ measure, value, bound, holds, unit, met }) => {
    const beyond = holds === '≥' ? value / bound : value <= 0 ? FARTHEST : bound / value;
    const label =
      met === undefined ? 'not measured' : `${inUnit(value, unit)} (${holds} ${inUnit(bound, unit)})`;
    const tone = met === true ? ('good' as const) : ('bad' as const);
    return { name: shortened(measure), value: Math.min(beyond, FARTHEST), label, tone };
  });
  const unit = 'the dashed line is the bar; right of it is met';
  return barPlot({ title: 'How far from its bar each measure is', unit, rows, mark: 1 });
}

const LONGEST = 60;
const shortened = (words: string): string =>
  words.length <= LONGEST ? words : `${words.slice(0, LONGEST - 1)}…`;
