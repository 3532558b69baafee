import type { Engine } from './core/engine.ts';
import { ProxyError } from './core/errors.ts';
import { mariadb, mysql } from './mysql/engine.ts';
import { postgres } from './postgres/engine.ts';

const engines: readonly Engine[] = [postgres, mysql, mariadb];

/** The engine of that name. Throws ProxyError('CONFIG'). */
export function engineNamed(name: string): Engine {
  const found = engines.find((engine) => engine.name === name);
  if (found !== undefined) return found;
  throw new ProxyError('CONFIG', {
    side: 'proxy',
    retry: 'no',
    tell: `there is no engine named ${JSON.stringify(name)}; known: ${engines.map((engine) => engine.name).join(', ')}`,
  });
}
