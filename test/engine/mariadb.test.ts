import { conformance } from './conformance.ts';
import { mariadbServer } from './mysql.ts';

conformance(mariadbServer);
