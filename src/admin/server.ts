import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import { page } from './page.ts';
import { notReady } from './readiness.ts';
import type { AdminSources } from './sources.ts';

export type * from './sources.ts';

/** Bounds of a surface that few should use: a scrape, a probe, an operator. */
const MOST_CONNECTIONS = 100;
const REQUEST_WITHIN_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;
const MOST_HEADER_BYTES = 16_384;
const MOST_BODY_BYTES = 1024;
const MOST_SQL_CHARACTERS = 8192;

export interface Admin {
  /** Where it listens; the port is the real one if 0 was asked for. */
  readonly address: Endpoint;
  /** Stops listening and ends all connections, kept-alive ones too. */
  close(): Promise<void>;
}

/**
 * Starts the admin surface: /, /healthz, /readyz, /metrics, /api/view, /api/explain. Only GET; no login.
 * Rejects with ProxyError('PORT_TAKEN') when the port is in use.
 */
export async function startAdmin(listen: Endpoint, sources: AdminSources): Promise<Admin> {
  const server = Fastify({
    logger: false,
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_WITHIN_MS,
    connectionTimeout: 2 * KEEP_ALIVE_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    return503OnClosing: false,
    http: { maxHeaderSize: MOST_HEADER_BYTES },
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  guard(server);
  probes(server, sources);
  api(server, sources);
  try {
    await server.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await server.close();
    throw listenError(error, listen);
  }
  const bound = server.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  return { address: { host: listen.host, port }, close: () => server.close() };
}

function listenError(error: unknown, { host, port }: Endpoint): ProxyError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EADDRINUSE') {
    const tell = `cannot listen on ${host}:${port} (${String(code ?? error)}); change admin.listen`;
    return new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell, cause: error });
  }
  return new ProxyError('PORT_TAKEN', {
    side: 'proxy',
    retry: 'no',
    tell: `port ${port} on ${host} is taken; free it, or choose another with admin.listen.port`,
    cause: error,
  });
}

/** Refuses all but GET and HEAD, and lets no page of another origin use what it may reach. */
function guard(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    });
    if (request.method === 'GET' || request.method === 'HEAD') return;
    return reply
      .code(405)
      .header('allow', 'GET, HEAD')
      .send({ error: `${request.method} is not allowed: only GET` });
  });
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `there is no ${pathOf(request)}; / lists what there is` }),
  );
  server.setErrorHandler(sendError);
}

function sendError(error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof ProxyError) {
    return reply.code(error.side === 'client' ? 400 : 503).send({ error: error.message, code: error.code });
  }
  const status = hasStatus(error) ? error.statusCode : 500;
  const message = status < 500 && error instanceof Error ? error.message : 'internal error';
  return reply.code(status).send({ error: message });
}

function hasStatus(error: unknown): error is { statusCode: number } {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}

function probes(server: FastifyInstance, sources: AdminSources): void {
  server.get('/', async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(await page(sources)),
  );
  server.get('/healthz', (_request, reply) => reply.send({ alive: true, version: sources.version }));
  server.get('/readyz', async (_request, reply) => {
    const reasons = notReady(await sources.clusters());
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  server.get('/metrics', async (_request, reply) => {
    const { text, contentType } = await sources.metrics();
    return reply.type(contentType).send(text);
  });
}

function api(server: FastifyInstance, sources: AdminSources): void {
  server.get('/api/view', async (_request, reply) =>
    reply.send({ version: sources.version, clusters: await sources.clusters() }),
  );
  server.get<{ Querystring: Record<string, string | string[] | undefined> }>(
    '/api/explain',
    async (request) => {
      const { cluster, database, sql } = request.query;
      const names = (await sources.clusters()).map(({ name }) => name);
      const asked = text('cluster', cluster) ?? names[0];
      if (asked === undefined || !names.includes(asked)) {
        throw badQuestion(`there is no such cluster; known: ${names.join(', ') || 'none yet'}`);
      }
      const statement = text('sql', sql);
      if (statement === undefined || statement === '')
        throw badQuestion('say which statement: ?sql=SELECT+1');
      if (statement.length > MOST_SQL_CHARACTERS) {
        throw badQuestion(
          `sql is longer than ${MOST_SQL_CHARACTERS} characters; use the command line: explain`,
        );
      }
      return sources.explain({ cluster: asked, database: text('database', database), sql: statement });
    },
  );
}

function text(name: string, value: string | string[] | undefined): string | undefined {
  if (Array.isArray(value)) throw badQuestion(`${name} is given twice`);
  return value;
}

function badQuestion(tell: string): ProxyError {
  return new ProxyError('UNSUPPORTED', { side: 'client', retry: 'no', tell });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]?.slice(0, 200) ?? '';
}
