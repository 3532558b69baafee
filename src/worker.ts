import { monitorEventLoopDelay } from 'node:perf_hooks';
import { sharedClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { asProxyError } from './core/errors.ts';
import { engineNamed } from './engines.ts';
import { Posting } from './posting.ts';
import { Lateness } from './workers/lateness.ts';
import type { Down, Report, Start } from './workers/messages.ts';
import { told } from './workers/told.ts';
import type { SendUp } from './workers/upline.ts';

/** A worker process: the data planes of all clusters. Its parent starts it, tells it what the world is, and ends it. */

/** How often it tells what it has counted, so that little is lost with it, in ms. */
const REPORT_EVERY = 1_000;

const clock = sharedClock('late');
const postings: Posting[] = [];
const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();
const lateness = new Lateness(clock, delays);

const send: SendUp = (message, done) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => done?.());
};

async function begin({ config: given, slot, workers, addresses, clients }: Start): Promise<void> {
  const config = given as Config;
  for (const [cluster, settings] of config.clusters.entries()) {
    const posting = new Posting({
      config: settings,
      engine: engineNamed(settings.engine),
      clock,
      cluster,
      slot,
      workers,
      address: addresses?.[cluster],
      clients: clients[cluster] ?? 0,
      send,
    });
    // What it asks for is answered while others are still being opened.
    postings.push(posting);
    await posting.open();
  }
  send({ kind: 'ready', addresses: postings.map(({ address }) => address) });
  reportLater();
}

function reported(): Report {
  const clusters = postings.map((posting) => posting.figures());
  const { user, system } = process.cpuUsage();
  return { clusters, lag: lateness.read(), cpu: (user + system) / 1e6, resident: process.memoryUsage.rss() };
}

function reportLater(): void {
  clock.after(REPORT_EVERY, () => {
    send({ kind: 'figures', ask: 0, report: reported() });
    reportLater();
  });
}

async function end(): Promise<void> {
  await Promise.all(postings.map((posting) => posting.close()));
  const report = { kind: 'figures', ask: 0, report: reported() } as const;
  await new Promise<void>((resolve) => send(report, resolve));
  process.exit(0);
}

function heard(message: Down): void {
  switch (message.kind) {
    case 'start':
      begin(message).catch(failed);
      return;
    case 'cluster':
      postings[message.cluster]?.heard(message.message);
      return;
    case 'figures':
      send({ kind: 'figures', ask: message.ask, report: reported() });
      return;
    case 'close':
      void end();
      return;
    default:
      message satisfies never;
  }
}

function failed(thrown: unknown): void {
  const error = asProxyError(thrown, 'CONFIG', 'proxy');
  send({ kind: 'failed', error: told(error) }, () => process.exit(1));
}

// The parent alone says when to end: what a terminal or a supervisor sends to all processes is for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Without a parent nobody says what the world is.
process.on('disconnect', () => process.exit(1));
process.on('message', (message) => heard(message as Down));
