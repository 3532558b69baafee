import { mariadbServer, mysqlServer } from '../engine/mysql.ts';
import { postgres } from '../engine/postgres.ts';
import { killPrimary } from './kill-primary.ts';

for (const engine of [postgres, mysqlServer, mariadbServer]) killPrimary(engine);
