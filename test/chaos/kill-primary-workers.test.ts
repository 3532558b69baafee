import { postgres } from '../engine/postgres.ts';
import { killPrimary } from './kill-primary.ts';

killPrimary(postgres, { workers: 2, runs: 2 });
