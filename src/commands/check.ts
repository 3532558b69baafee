import { parseArgs } from 'node:util';
import { type ClusterConfig, loadConfig } from '../config/config.ts';
import type { Finding, Probe } from '../core/engine.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Observation, Seen } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { engineNamed } from '../engines.ts';
import { clientTls } from '../net/tls.ts';

const USAGE = `pointsman check -c FILE

Reaches every node of the configuration and says what its account or its settings lack.
Changes nothing. Ends with 1 if there is an error, with 0 if there are warnings only.
`;

type Print = (text: string) => void;

/** What is found, and at which nodes; at none: about the cluster as a whole. */
interface Found extends Finding {
  readonly nodes: readonly string[];
}

interface Report {
  readonly heads: readonly string[];
  readonly found: readonly Found[];
}

/** Gives the exit code: 1 where there are errors, 2 where it was not called as it wants to be. */
export async function check(args: readonly string[], print: Print = toStdout): Promise<number> {
  const file = fileIn(args);
  if (file === 'help' || file instanceof Error) {
    print(file === 'help' ? USAGE : `${file.message}\n\n${USAGE}`);
    return file === 'help' ? 0 : 2;
  }
  try {
    return await checkFile(file.name, print);
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    print(`${error.message}\n`);
    return 1;
  }
}

function fileIn(args: readonly string[]): { readonly name: string } | 'help' | Error {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'help';
    return values.config === undefined ? new Error('name a configuration with -c') : { name: values.config };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function checkFile(name: string, print: Print): Promise<number> {
  const config = await loadConfig(name);
  let errors = 0;
  for (const cluster of config.clusters) {
    print(`cluster ${cluster.name} (${cluster.engine}, mode ${cluster.failover.mode})\n`);
    const report = await checkCluster(cluster);
    printReport(report, print);
    errors += report.found.filter(({ severity }) => severity === 'error').length;
  }
  return errors > 0 ? 1 : 0;
}

function toStdout(text: string): void {
  process.stdout.write(text);
}

async function checkCluster(cluster: ClusterConfig): Promise<Report> {
  const { mode, ca, cert, key } = cluster.serverTls;
  const pems = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const tls = clientTls(mode, pems);
  const { user, password, database, timeoutMs } = cluster.monitor;
  const probe = engineNamed(cluster.engine).probe({
    clock: performance,
    timeoutMs,
    // Not as a proxy calls itself: a running one would take this for an uncoordinated instance (I12).
    applicationName: 'pointsman-check',
    replicas: cluster.nodes.length - 1,
    promotes: cluster.failover.mode === 'promote',
    replication: cluster.failover.replication,
  });
  try {
    const targets = cluster.nodes.map(({ id, endpoint }) => ({
      node: id,
      endpoint,
      user,
      password,
      database,
      options: '',
      tls,
    }));
    const observations = await Promise.all(targets.map((target) => probe.observe(target)));
    const findings = await Promise.all(
      targets.map((target, index) => nodeFindings(probe, target, observations[index])),
    );
    return {
      heads: targets.map((target, index) => headOf(target, observations[index])),
      found: [...merged(findings, targets), ...clusterFindings(observations)],
    };
  } finally {
    await probe.close();
  }
}

async function nodeFindings(
  probe: Probe,
  target: Target,
  observation: Observation | undefined,
): Promise<Finding[]> {
  if (observation?.kind !== 'seen') {
    const what = `it cannot be observed: ${observation?.message ?? ''}`;
    return [{ severity: 'error', what, mend: mendOf(observation?.failure ?? 'other') }];
  }
  try {
    return [...(await probe.rights(target))];
  } catch (error) {
    return [{ severity: 'error', what: asProxyError(error, 'CONNECT_FAILED', 'server').message, mend: '' }];
  }
}

function mendOf(failure: string): string {
  switch (failure) {
    case 'refused':
      return 'start the server, or mend host and port of the node';
    case 'denied':
      return 'mend user, password and database of `monitor`, and what the node lets in from here';
    case 'starting':
    case 'recovering':
      return 'wait until it has started';
    default:
      return 'see whether host and port of the node can be reached from here';
  }
}

/** What holds between nodes. */
function clusterFindings(observations: readonly Observation[]): Found[] {
  const seen = observations.filter((observation): observation is Seen => observation.kind === 'seen');
  const found: Found[] = [];
  const about = (severity: Finding['severity'], what: string, mend: string, nodes: readonly Seen[]): void => {
    found.push({ severity, what, mend, nodes: nodes.map(({ node }) => node) });
  };
  const primaries = seen.filter(({ role }) => role === 'primary');
  if (primaries.length > 1)
    about(
      'error',
      'more than one node takes writes',
      'make all but one a replica by a fresh copy',
      primaries,
    );
  if (primaries.length === 0 && seen.length === observations.length)
    about('error', 'no node takes writes', 'promote the one that is furthest', []);
  if (new Set(seen.map(({ identity }) => identity)).size > 1)
    about('error', 'these are not copies of one database cluster', 'mend the list of nodes', seen);
  const idle = seen.filter(({ receiving }) => receiving !== undefined && !receiving.active);
  if (idle.length > 0)
    about('warning', 'receives nothing from a primary', 'look into the log of the replica', idle);
  return found;
}

/** The same finding at several nodes is one line. */
function merged(findings: readonly (readonly Finding[])[], targets: readonly Target[]): Found[] {
  const found = new Map<string, Finding & { nodes: string[] }>();
  for (const [index, target] of targets.entries()) {
    for (const finding of findings[index] ?? []) {
      const key = `${finding.severity} ${finding.what} ${finding.mend}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { ...finding, nodes: [target.node] });
      else known.nodes.push(target.node);
    }
  }
  return [...found.values()];
}

function headOf({ node, endpoint }: Target, observation: Observation | undefined): string {
  const where = `${node}  ${endpoint.host}:${endpoint.port}`;
  if (observation?.kind !== 'seen') return `${where}  ${observation?.failure ?? 'unknown'}`;
  const from =
    observation.receiving?.active === true ? ` of ${observation.receiving.from ?? 'somebody'}` : '';
  const branch = observation.branch === '' ? '' : `, timeline ${observation.branch}`;
  return `${where}  ${observation.role}${from}, version ${observation.version}${branch}`;
}

const rank = { error: 0, warning: 1, ok: 2 } as const;

function printReport({ heads, found }: Report, print: Print): void {
  for (const head of heads) print(`  ${head}\n`);
  print('\n');
  const sorted = found.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
  const width = Math.max(0, ...sorted.map(({ nodes }) => nodes.join(', ').length));
  for (const { severity, nodes, what, mend } of sorted) {
    print(`  ${severity.padEnd(7)}  ${nodes.join(', ').padEnd(width)}  ${what}\n`);
    if (mend !== '') print(`  ${''.padEnd(7)}  ${''.padEnd(width)}  -> ${mend}\n`);
  }
  const count = (severity: Finding['severity']): number =>
    found.filter((finding) => finding.severity === severity).length;
  print(`\n  errors: ${count('error')}, warnings: ${count('warning')}\n`);
}
