import type { TrialId } from './bars.ts';

const ONE_BY_ONE =
  'With so few clients requests and answers come one by one, and nothing can leave or be read together: each costs the ' +
  'four system calls that PgBouncer makes as well, and what Node does around a system call.';
const MYSQL =
  'Each query costs one read from its client and one write to it, whatever is shared on the other side: there a write carries ' +
  'five to ten queries, and a read some fifty answers. These two system calls, and what Node does around them, are more than ' +
  'the bar allows.';
const VARIES =
  'It was met in some runs of this form and missed in others; what else the machine did is not known.';

/**
 * Why a bar is missed, or what a reader of a measure must know, in a sentence or two; keyed `trial reading` as
 * in bars.ts. They are kept by hand and stand in the page beside the measure.
 */
export const REMARKS: Readonly<Partial<Record<`${TrialId} ${string}`, string>>> = {
  'select-1 latency/PgBouncer': ONE_BY_ONE,
  'select-4 tps/PgBouncer': ONE_BY_ONE,
  'select-4 cost/PgBouncer': ONE_BY_ONE,
  'select-16 tps/PgBouncer':
    'One or two batches are under way at a time, so less is shared than with 64 clients, and what a proxy does beside relaying ' +
    'weighs more.',
  'split-32 tps/Pgpool-II': VARIES,
  'mixed p99/direct': VARIES,
  'tpcb-16 tps/PgBouncer':
    'Statements of a transaction that writes take no lanes: one request, one answer, on a server connection of their own. ' +
    'A transaction takes 13 writes to sockets, PgBouncer’s 14; the difference is what Node does around them.',
  'mysql-64 tps/direct': MYSQL,
  'mysql-64 cost/MySQL Router': MYSQL,
  'mariadb-64 tps/direct': MYSQL,
  'mariadb-64 cost/MySQL Router': MYSQL,
  'connects tps/PgBouncer':
    'A log-in with SCRAM is a new socket and three exchanges on it; the keys of a password are derived once.',
};
