import { figure, table } from '../figures.ts';
import { escaped } from './svg.ts';

/** A function in a stack, and what was called from there; times in µs. */
export interface Frame {
  readonly name: string;
  /** `src/net/connection.ts:120`, `node:net:500`, empty for what is not JavaScript. */
  readonly place: string;
  self: number;
  total: number;
  readonly children: Frame[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Of a sample that is longer it is not known what ran: the profiler itself had to wait for a core. In µs. */
const LONGEST = 10_000;

/** Not the processor's time. */
const IDLE = '(idle)';

/** Reads the last `lastMs` of a .cpuprofile of V8 (JSON); waiting is left out. Throws if it is none. */
export function readProfile(text: string, lastMs = Number.POSITIVE_INFINITY): Frame {
  const { nodes, samples, timeDeltas } = JSON.parse(text) as CpuProfile;
  const frames = new Map<number, Frame>(nodes.map((node) => [node.id, frameOf(node)]));
  let left = lastMs * 1_000;
  for (let at = samples.length - 1; at >= 0 && left > 0; at--) {
    const micros = Math.max(0, timeDeltas[at] ?? 0);
    const frame = frames.get(samples[at] ?? Number.NaN);
    if (frame !== undefined) frame.self += Math.min(micros, left, LONGEST);
    left -= micros;
  }
  for (const { id, children = [] } of nodes)
    for (const child of children) {
      const frame = frames.get(child);
      if (frame !== undefined && frame.name !== IDLE) frames.get(id)?.children.push(frame);
    }
  const root = frames.get(nodes[0]?.id ?? Number.NaN);
  if (root === undefined) throw new Error('this is not a .cpuprofile: it has no nodes');
  total(root);
  return root;
}

function frameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): Frame {
  const file = url.startsWith('node:') ? url : url.replace(/^.*\/(?=(?:src|node_modules|bench)\/)/, '');
  const place = url === '' ? '' : `${file}:${lineNumber + 1}`;
  return { name: functionName === '' ? '(anonymous)' : functionName, place, self: 0, total: 0, children: [] };
}

function total(frame: Frame): number {
  frame.total = frame.self + frame.children.reduce((sum, child) => sum + total(child), 0);
  return frame.total;
}

/** The profiler takes the event loop for idle while it reads from sockets: what it did not see belongs here too. */
const OUTSIDE = 'the event loop: polling, reading from sockets';

/** A stage of the warm path, and how its frames are told; the first that fits counts. */
const STAGES: readonly (readonly [stage: string, holds: (frame: Frame) => boolean])[] = [
  ['sockets (src/net)', ({ place }) => place.startsWith('src/net/')],
  ['links, lanes and pools (src/pool)', ({ place }) => place.startsWith('src/pool/')],
  ['sessions (src/session)', ({ place }) => place.startsWith('src/session/')],
  [
    'protocol and classification (src/postgres, src/mysql)',
    ({ place }) => /^src\/(postgres|mysql)\//.test(place),
  ],
  ['the rest of src', ({ place }) => place.startsWith('src/')],
  ["Node's own JavaScript", ({ place }) => place.startsWith('node:')],
  ['other packages', ({ place }) => place !== ''],
  ['collecting garbage', ({ name }) => name === '(garbage collector)'],
  [OUTSIDE, ({ name }) => name === '(program)' || name === '(root)'],
  ['native calls from JavaScript: writing to sockets', () => true],
];

/** Processor time per query in µs, by stage. */
export type StageTimes = Readonly<Record<string, number>>;

/**
 * Self time per stage of `usedMs` of processor time. The profiler's time is the clock's: on a busy machine it counts
 * waiting for a core as well.
 */
export function stageTimes(root: Frame, queries: number, usedMs: number): StageTimes {
  const all = Math.max(root.total, usedMs * 1_000);
  const sums = new Map<string, number>([[OUTSIDE, all - root.total]]);
  const visit = (frame: Frame): void => {
    const [stage = ''] = STAGES.find(([, holds]) => holds(frame)) ?? [];
    sums.set(stage, (sums.get(stage) ?? 0) + frame.self);
    frame.children.forEach(visit);
  };
  visit(root);
  return Object.fromEntries([...sums].map(([stage, micros]) => [stage, micros / queries]));
}

/** Each stage, the longest first: µs per query and the part of all. */
export function stageTable(times: StageTimes): string {
  const all = Object.values(times).reduce((sum, micros) => sum + micros, 0);
  const rows = Object.entries(times)
    .sort((a, b) => b[1] - a[1])
    .map(([stage, micros]) => [stage, figure(micros, 2), `${figure((100 * micros) / (all || 1), 1)} %`]);
  return table(['stage', 'µs per query', 'of all'], rows);
}

const WIDTH = 1_200;
const ROW = 17;
const TOP = 40;
/** Narrower frames are left out, in pixels. */
const LEAST = 0.7;
const CHARACTER = 6.6;

/** The stacks from the bottom up turned over: callers above, callees below; as wide as their part of the time. */
export function flamePlot(root: Frame, title: string): string {
  const parts: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, left: number, depth: number): void => {
    const width = (frame.total / (root.total || 1)) * WIDTH;
    if (width < LEAST) return;
    deepest = Math.max(deepest, depth);
    parts.push(rectOf(frame, left, width, depth, root.total));
    let at = left;
    for (const child of [...frame.children].sort((a, b) => b.total - a.total)) {
      draw(child, at, depth + 1);
      at += (child.total / (root.total || 1)) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = TOP + (deepest + 1) * ROW + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="ui-monospace, monospace" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="8" y="22" font-size="14">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function rectOf(
  { name, place, total: micros }: Frame,
  left: number,
  width: number,
  depth: number,
  all: number,
): string {
  const y = TOP + depth * ROW;
  const fits = Math.floor((width - 4) / CHARACTER);
  const words = fits < 3 ? '' : name.length <= fits ? name : `${name.slice(0, fits - 1)}…`;
  const tip = `${name} ${place} ${figure((100 * micros) / (all || 1), 1)} %`;
  return [
    `<g><title>${escaped(tip)}</title>`,
    `<rect x="${left.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW - 1}" fill="${colourOf(place, name)}"/>`,
    words === '' ? '' : `<text x="${(left + 3).toFixed(1)}" y="${y + 12}">${escaped(words)}</text>`,
    '</g>',
  ].join('');
}

function colourOf(place: string, name: string): string {
  if (place.startsWith('src/')) return '#fbbf24';
  if (place.startsWith('node:')) return '#a7f3d0';
  return name === '(garbage collector)' ? '#fca5a5' : '#d1d5db';
}
