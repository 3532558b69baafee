import { type Config, type ConfigInput, configOf, parseConfig } from '../../../src/config/config.ts';
import { ProxyError } from '../../../src/core/errors.ts';

export type ClusterInput = ConfigInput['clusters'][number];

/** A cluster with the least it needs. */
export const cluster: ClusterInput = {
  name: 'main',
  engine: 'postgres',
  listen: { port: 6432 },
  nodes: [
    { name: 'pg-1', host: '10.0.0.1', port: 5432 },
    { name: 'pg-2', host: '10.0.0.2', port: 5432 },
  ],
  users: [{ name: 'app', password: 'open sesame' }],
  monitor: { user: 'watcher', password: 'hush' },
};

export const parse = (text: string, env: Record<string, string> = {}): Config =>
  parseConfig(text, { file: 'test.yaml', env });

export const build = (changes: Partial<ClusterInput>, env: Record<string, string> = {}): Config =>
  configOf({ clusters: [{ ...cluster, ...changes }] }, { file: 'test.yaml', env });

/** What a configuration is refused with, without its heading; one entry an error. */
export function refusals(make: () => Config): string[] {
  try {
    make();
  } catch (error) {
    if (!(error instanceof ProxyError) || error.code !== 'CONFIG') throw error;
    return error.message.split('\n  ').slice(1);
  }
  return [];
}
