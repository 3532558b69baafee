import type { ClusterConfig } from './config/config.ts';
import type { NodeId } from './core/node.ts';
import type { LinkKind, Target } from './core/wire.ts';
import { clientTls } from './net/tls.ts';

/** How to reach any node of a cluster as anyone. */
export function targetsOf(
  config: ClusterConfig,
): (node: NodeId, user: string, password: string | undefined, links: LinkKind) => Target {
  const { mode, ca, cert, key } = config.serverTls;
  const pems = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const tls = mode === 'disable' ? undefined : clientTls(mode, pems);
  const endpoints = new Map(config.nodes.map(({ id, endpoint }) => [id, endpoint]));
  return (node, user, password, { database, options }) => {
    const endpoint = endpoints.get(node);
    if (endpoint === undefined) throw new Error(`node ${node} is not configured`);
    return { node, endpoint, user, password, database, options, tls };
  };
}
