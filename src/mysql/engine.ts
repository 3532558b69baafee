import type { Engine } from '../core/engine.ts';
import { packed, unpacked } from './catalogue.ts';
import { MysqlControl } from './control.ts';
import { explainText } from './explain.ts';
import { positions } from './position.ts';
import { MysqlProbe } from './probe.ts';
import { wire } from './wire.ts';

/** Which of the two servers it is, is seen from the version that it tells. */
function engineOf(name: string): Engine {
  return {
    name,
    wire,
    positions,
    explain: explainText,
    pack: packed,
    unpack: unpacked,
    probe: (options) => new MysqlProbe(options),
    control: (options) => new MysqlControl(options),
  };
}

/** MySQL 8.0.26 and newer. */
export const mysql: Engine = engineOf('mysql');

/** MariaDB 10.6 and newer. */
export const mariadb: Engine = engineOf('mariadb');
