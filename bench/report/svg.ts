/** Plots as SVG texts, readable on light and on dark ground. Pure. */

/** A line over the categories of the x axis; NaN where there is no value. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

export interface LinePlot {
  readonly title: string;
  /** What the y axis counts. */
  readonly unit: string;
  /** Names of the categories, e.g. numbers of clients. */
  readonly x: readonly string[];
  readonly xTitle: string;
  readonly series: readonly Series[];
}

export interface Row {
  readonly name: string;
  readonly value: number;
  /** The value in words. */
  readonly label: string;
  /** Left out: the colour of the contestant. */
  readonly tone?: 'good' | 'bad';
}

export interface BarPlot {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly Row[];
  /** A line across all rows, e.g. 1 for ratios. */
  readonly mark?: number;
}

const WIDTH = 760;
const FONT = 'font-family="system-ui, sans-serif"';

/** Light and dark; a contestant keeps its colour in every plot. */
const COLOURS: Readonly<Record<string, readonly [string, string]>> = {
  'Pointsman, reads: primary': ['#1d4ed8', '#60a5fa'],
  'Pointsman, reads: replicas': ['#0e7490', '#22d3ee'],
  direct: ['#374151', '#d1d5db'],
  PgBouncer: ['#c2410c', '#fb923c'],
  'MySQL Router': ['#c2410c', '#fb923c'],
  'Pgpool-II': ['#7e22ce', '#c084fc'],
  ProxySQL: ['#7e22ce', '#c084fc'],
  Odyssey: ['#15803d', '#4ade80'],
  HAProxy: ['#a16207', '#facc15'],
};
const OTHERS: readonly [string, string] = ['#1d4ed8', '#60a5fa'];

const colourName = (name: string): string =>
  Object.keys(COLOURS).find((known) => name.startsWith(known)) ?? '';

/** One class a colour, so that the ground decides which one is seen. */
function style(names: readonly string[]): string {
  const used = [...new Set(names.map(colourName))];
  const rules = (at: 0 | 1): string =>
    used.map((name) => `.${classOf(name)}{--c:${(COLOURS[name] ?? OTHERS)[at]}}`).join('');
  return [
    '<style>',
    ':root{--ink:#111827;--soft:#6b7280;--grid:#e5e7eb}',
    `${rules(0)}@media(prefers-color-scheme:dark){:root{--ink:#f3f4f6;--soft:#9ca3af;--grid:#374151}${rules(1)}}`,
    'text{fill:var(--ink)}.soft{fill:var(--soft)}.grid{stroke:var(--grid)}.mark{stroke:var(--soft);stroke-dasharray:4 3}',
    '.line{fill:none;stroke:var(--c);stroke-width:2}.dot,.bar{fill:var(--c)}.name{fill:var(--c)}',
    '.good{--c:#15803d}.bad{--c:#b91c1c}@media(prefers-color-scheme:dark){.good{--c:#4ade80}.bad{--c:#f87171}}',
    '</style>',
  ].join('');
}

const classOf = (name: string): string => `c${Object.keys(COLOURS).indexOf(name) + 1}`;

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A round number not below `value`: 1, 2, 2.5 or 5 times a power of ten. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** `60k`, `1.5`: short enough for an axis. */
const axisLabel = (value: number): string =>
  value >= 1_000 ? `${+(value / 1_000).toFixed(1)}k` : String(+value.toPrecision(3));

const TOP = 56;
const PLOT_HEIGHT = 260;
const LEFT = 52;
const LABELS = 190;
const GRID_LINES = 4;
const LABEL_HEIGHT = 15;

/** Lines over categories, each named at its end. */
export function linePlot({ title, unit, x, xTitle, series }: LinePlot): string {
  const top = roundUp(Math.max(0, ...series.flatMap(({ values }) => values).filter(Number.isFinite)));
  const right = WIDTH - LABELS;
  const xAt = (at: number): number => LEFT + 12 + ((right - LEFT - 24) * at) / Math.max(1, x.length - 1);
  const yAt = (value: number): number => TOP + PLOT_HEIGHT * (1 - value / top);
  const parts = [...gridOf(top, yAt, right)];
  for (const [at, name] of x.entries())
    parts.push(text(xAt(at), TOP + PLOT_HEIGHT + 18, name, 'class="soft" text-anchor="middle"'));
  parts.push(text((LEFT + right) / 2, TOP + PLOT_HEIGHT + 36, xTitle, 'class="soft" text-anchor="middle"'));
  for (const one of series) parts.push(lineOf(one, xAt, yAt));
  for (const { name, y } of endLabels(series, yAt))
    parts.push(text(right + 6, y + 4, name, `class="name ${classOf(colourName(name))}"`));
  return frame(
    title,
    unit,
    TOP + PLOT_HEIGHT + 46,
    parts,
    series.map(({ name }) => name),
  );
}

function gridOf(top: number, yAt: (value: number) => number, right: number): string[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, at) => (top * at) / GRID_LINES).flatMap((value) => [
    `<line class="grid" x1="${LEFT}" x2="${right}" y1="${fixed(yAt(value))}" y2="${fixed(yAt(value))}"/>`,
    text(LEFT - 6, yAt(value) + 4, axisLabel(value), 'class="soft" text-anchor="end"'),
  ]);
}

function lineOf(
  { name, values }: Series,
  xAt: (at: number) => number,
  yAt: (value: number) => number,
): string {
  const points = [...values.entries()].filter(([, value]) => Number.isFinite(value));
  const dots = points.map(
    ([at, value]) => `<circle class="dot" r="3" cx="${fixed(xAt(at))}" cy="${fixed(yAt(value))}"/>`,
  );
  const path = points.map(([at, value]) => `${fixed(xAt(at))},${fixed(yAt(value))}`).join(' ');
  const dashes = name === 'direct' ? ' stroke-dasharray="6 4"' : '';
  return `<g class="${classOf(colourName(name))}"><polyline class="line" points="${path}"${dashes}/>${dots.join('')}</g>`;
}

/** Where the names stand beside the ends of their lines, moved apart as far as needed. */
export function endLabels(
  series: readonly Series[],
  yAt: (value: number) => number,
): { readonly name: string; readonly y: number }[] {
  const ends = series
    .map(({ name, values }) => ({ name, y: yAt(values.findLast(Number.isFinite) ?? Number.NaN) }))
    .filter(({ y }) => Number.isFinite(y))
    .sort((a, b) => a.y - b.y);
  let free = Number.NEGATIVE_INFINITY;
  const placed = ends.map(({ name, y }) => {
    const at = Math.max(y, free);
    free = at + LABEL_HEIGHT;
    return { name, y: at };
  });
  // What ran out below moves up again.
  let floor = TOP + PLOT_HEIGHT + LABEL_HEIGHT / 2;
  for (const one of placed.toReversed()) {
    one.y = Math.min(one.y, floor);
    floor = one.y - LABEL_HEIGHT;
  }
  return placed;
}

const ROW_HEIGHT = 26;
const NAMES_WIDTH = 400;
const VALUES_WIDTH = 190;
const BARS_WIDTH = 900;

/** Bars from left to right, a row each, with the value in words at the end. */
export function barPlot({ title, unit, rows, mark }: BarPlot): string {
  const top = Math.max(mark ?? 0, ...rows.map(({ value }) => value).filter(Number.isFinite)) || 1;
  const width = BARS_WIDTH - NAMES_WIDTH - VALUES_WIDTH;
  const xAt = (value: number): number => NAMES_WIDTH + (width * value) / top;
  const bottom = TOP + rows.length * ROW_HEIGHT;
  const parts = rows.flatMap(({ name, value, label, tone }, at) => {
    const y = TOP + at * ROW_HEIGHT;
    const length = Number.isFinite(value) ? fixed(xAt(value) - NAMES_WIDTH) : '0';
    return [
      text(NAMES_WIDTH - 8, y + 16, name, 'text-anchor="end"'),
      `<rect class="bar ${tone ?? classOf(colourName(name))}" x="${NAMES_WIDTH}" y="${y + 4}" width="${length}" height="${ROW_HEIGHT - 9}" rx="2"/>`,
      text(xAt(Number.isFinite(value) ? value : 0) + 6, y + 16, label, 'class="soft"'),
    ];
  });
  if (mark !== undefined)
    parts.push(
      `<line class="mark" x1="${fixed(xAt(mark))}" x2="${fixed(xAt(mark))}" y1="${TOP - 4}" y2="${bottom}"/>`,
    );
  return frame(
    title,
    unit,
    bottom + 10,
    parts,
    rows.map(({ name }) => name),
    BARS_WIDTH,
  );
}

function frame(
  title: string,
  unit: string,
  height: number,
  parts: readonly string[],
  names: readonly string[],
  width = WIDTH,
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}" ${FONT} font-size="12">`,
    style(names),
    text(12, 22, title, 'font-size="15" font-weight="600"'),
    text(12, 40, unit, 'class="soft"'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${escaped(words)}</text>`;

const fixed = (value: number): string => String(+value.toFixed(1));
