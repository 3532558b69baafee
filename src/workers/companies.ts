import type { Company, Verdict } from '../core/company.ts';

/** What workers said; undefined: it knows nothing of the statement's database. Those that did not answer are missing. */
export type Answers = ReadonlyMap<number, Verdict | undefined>;

/** How much a verdict says: that reads do share, that they never will again, what has been learned, nothing. */
function weight({ may, learned }: Verdict): number {
  if (learned === undefined) return 0;
  return { yes: 3, no: 2, 'not yet': 1 }[may];
}

/**
 * One answer out of those of the workers: the one that says most, and how many say so where they differ. `own`: what
 * the text alone says. `silent`: workers that were asked in vain. Pure.
 */
export function companyOfAll(own: Verdict, answers: Answers, silent: number): Company {
  const workers = [...answers].map(([worker, verdict = own]) => ({ worker, ...verdict }));
  workers.sort((a, b) => a.worker - b.worker);
  if (workers.length === 0) return { ...own, because: 'no worker has said what it knows of it', workers };
  const most = Math.max(...workers.map(weight));
  const telling = workers.filter((verdict) => weight(verdict) === most);
  const { worker: _, ...first } = telling[0] ?? { worker: 0, ...own };
  const notes = [
    ...(telling.length < workers.length ? [`so in ${telling.length} of ${workers.length} workers`] : []),
    ...(silent > 0 ? [`${silent} more did not answer`] : []),
  ];
  return { ...first, because: [first.because, ...notes].join('; '), workers };
}
