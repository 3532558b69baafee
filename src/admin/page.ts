import { notReady } from './readiness.ts';
import type { AdminSources, ClusterStatus } from './sources.ts';

const LINKS: readonly (readonly [path: string, what: string])[] = [
  ['/healthz', 'the process is alive'],
  ['/readyz', 'every cluster can serve'],
  ['/metrics', 'for Prometheus'],
  ['/api/view', 'clusters, pools and sessions as JSON'],
  ['/api/explain?sql=SELECT+1', 'where a statement would go'],
];

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222 }
  table { border-collapse: collapse; margin: .5rem 0 1.5rem; width: 100% }
  th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left }
  .up { color: #17692e } .down, .quarantined { color: #a11 } .starting, .unknown { color: #8a5a00 }
  @media (prefers-color-scheme: dark) {
    body { background: #16181b; color: #ddd } th, td { border-color: #333 } a { color: #8ab4f8 }
    .up { color: #6fce88 } .down, .quarantined { color: #f28b82 } .starting, .unknown { color: #fdd663 }
  }`;

/** The whole of `/`: made on the server, read again every five seconds, no script. */
export async function page(sources: AdminSources): Promise<string> {
  const clusters = await sources.clusters();
  const reasons = notReady(clusters);
  const readiness = reasons.length === 0 ? 'Ready.' : `Not ready: ${reasons.map(escaped).join('; ')}.`;
  const links = LINKS.map(
    ([path, what]) => `<li><a href="${escaped(path)}">${escaped(path)}</a>: ${what}</li>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Pointsman</title><style>${STYLE}</style></head>
<body><h1>Pointsman ${escaped(sources.version)}</h1>
<p>${readiness}</p>
${clusters.map(section).join('\n')}
<ul>${links.join('')}</ul></body></html>
`;
}

function section({ name, address, view, sessions, pools }: ClusterStatus): string {
  const primary = view.primary === null ? `none: ${view.holding}` : view.primary;
  const rows = view.nodes.map(
    ({ id, endpoint, role, state, reason, lagBytes }) =>
      `<tr>${[id, `${endpoint.host}:${endpoint.port}`, role].map(cell).join('')}` +
      `<td class="${escaped(state)}">${escaped(state)}</td>` +
      `${[lagBytes === undefined ? '' : `${lagBytes} B`, reason].map(cell).join('')}</tr>`,
  );
  return `<h2>${escaped(name)} <small>on ${escaped(address)}</small></h2>
<p>Primary: ${escaped(primary)}. Epoch ${view.epoch}. ${sessions.clients} clients, ${sessions.held} held.</p>
<table>${header(['Node', 'Address', 'Role', 'State', 'Lag', 'Why'])}
${rows.join('\n')}</table>
${poolsOf(pools)}`;
}

/** Server connections by node, user and database. */
function poolsOf(pools: ClusterStatus['pools']): string {
  if (pools.length === 0) return '';
  const rows = pools.map(({ node, user, database, size, open, busy, lanes, laneOwed, waiting }) => {
    const figures = [`${open} of ${size}`, busy, lanes, laneOwed, waiting].map(String);
    return `<tr>${[node, user, database, ...figures].map(cell).join('')}</tr>`;
  });
  const heads = ['Node', 'User', 'Database', 'Open', 'Busy', 'Shared', 'Requests there', 'Waiting'];
  return `<table>${header(heads)}
${rows.join('\n')}</table>`;
}

const header = (heads: readonly string[]): string =>
  `<tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>`;

const cell = (text: string): string => `<td>${escaped(text)}</td>`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
