import { conformance } from './conformance.ts';
import { mysqlServer } from './mysql.ts';

conformance(mysqlServer);
