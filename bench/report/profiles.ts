import type { Judged, TrialId } from '../bars.ts';
import { figure, median, table } from '../figures.ts';
import { FLOOR } from '../floor/floor.ts';
import { best } from '../readings.ts';
import type { Measured, Results } from '../results.ts';
import { OURS } from '../ring.ts';

const HEADER = '### Where the time of a missed bar goes';

const HOW = `A profile of Pointsman under the load of each trial with a missed bar, taken after its rounds in the same run, in a process
of its own, once that is warm: µs per query; in *tpcb-16* per transaction, in *connects* per connection, in *mixed* per short
read. V8's profiler goes by the clock and has its own part in it: where more wants to run than there are cores, a wait for one
counts where the program stood, most often in the write that woke the server. It takes reading from sockets for idleness: the
event loop has what the system counted beyond the profile, which is too little then. So what the rounds themselves cost, by
the system's count and without a profiler, stands below. By hand, with a flame graph:
\`npm run bench -- profile --trial NAME\`.`;

/** The stages of all trials with a missed bar in one table, and which of them have no profile. Pure. */
export function profiles({ trials }: Results, judged: readonly Judged[]): string[] {
  const missed = new Set(judged.filter(({ met }) => met === false).map(({ trial }) => trial));
  const shown: [TrialId, Measured][] = [];
  const without: TrialId[] = [];
  for (const id of missed) {
    const measured = trials[id];
    if (measured?.profile === undefined) without.push(id);
    else shown.push([id, measured]);
  }
  if (missed.size === 0) return [];
  return [
    HEADER,
    ...(shown.length === 0 ? [] : [HOW, titles(shown), stagesOf(shown)]),
    ...(without.length === 0 ? [] : [`Without a profile: ${without.join(', ')}.`]),
  ];
}

const titles = (shown: readonly [TrialId, Measured][]): string =>
  shown.map(([id, { title }]) => `- *${id}*: ${title}`).join('\n');

function stagesOf(shown: readonly [TrialId, Measured][]): string {
  const all = shown.map(([, measured]) => measured);
  const totals = new Map<string, number>();
  for (const { profile = {} } of all)
    for (const [stage, micros] of Object.entries(profile))
      totals.set(stage, (totals.get(stage) ?? 0) + micros);
  const stages = [...totals].sort((a, b) => b[1] - a[1]).map(([stage]) => stage);
  const row = (words: string, value: (measured: Measured) => number | undefined): string[] => [
    words,
    ...all.map((measured) => figure(value(measured), 1)),
  ];
  const cost = (name: string) => (measured: Measured) =>
    median(best(measured.scores, name, 'cost')?.cost ?? []);
  return table(
    ['stage, µs', ...shown.map(([id]) => id)],
    [
      ...stages.map((stage) => row(stage, ({ profile }) => profile?.[stage])),
      row('**all of it, by the clock**', ({ profile = {} }) =>
        Object.values(profile).reduce((sum, one) => sum + one, 0),
      ),
      row('processor time in the rounds: Pointsman', cost(OURS)),
      row('processor time in the rounds: the floor', cost(FLOOR)),
    ],
  );
}
