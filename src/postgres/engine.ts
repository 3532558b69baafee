import type { Engine } from '../core/engine.ts';
import { packed, unpacked } from './catalogue.ts';
import { PostgresControl } from './control.ts';
import { explainText } from './explain.ts';
import { positions } from './position.ts';
import { PostgresProbe } from './probe.ts';
import { wire } from './wire.ts';

/** PostgreSQL 13 and newer. */
export const postgres: Engine = {
  name: 'postgres',
  wire,
  positions,
  explain: (text, _database, catalogue, lists) => explainText(text, catalogue, lists),
  pack: packed,
  unpack: unpacked,
  probe: (options) => new PostgresProbe(options),
  control: (options) => new PostgresControl(options),
};
