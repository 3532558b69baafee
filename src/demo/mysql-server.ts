import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { House } from './mysql-house.ts';
import { asArguments, type ServerSettings } from './mysql-settings.ts';
import { HOST } from './ports.ts';
import type { Software } from './server.ts';

export interface MysqlServerOptions {
  readonly house: House;
  /** The server's id in the replication, unique in the cluster. */
  readonly number: number;
  readonly port: number;
  readonly dataFolder: string;
  /** Names the process id file: the process is found by it. */
  readonly mark: string;
  readonly settings: ServerSettings;
}

const SOCKET = 's';
const GREETS_WITHIN = 1_000;

/** A MySQL or MariaDB server on a data folder that exists. */
export function mysqlServer(options: MysqlServerOptions): Software {
  const { house, port, mark, settings } = options;
  const dataFolder = house.inside(options.dataFolder);
  const args = [
    '--no-defaults',
    `--datadir=${dataFolder}`,
    `--pid-file=${mark}.pid`,
    `--port=${port}`,
    // Relative to the data folder: the path of a socket may have 107 bytes at most.
    `--socket=${SOCKET}`,
    `--tmpdir=${dirname(dataFolder)}`,
    `--server-id=${options.number}`,
    ...asArguments(settings),
  ];
  return {
    launch: house.launch(house.programs.server, args),
    stopSignals: { fast: 'SIGTERM', immediate: 'SIGKILL' },
    isReady: () => greets(port),
    // MySQL refuses to start if another process has got the id that is in the lock.
    clear: () => rm(join(options.dataFolder, `${SOCKET}.lock`), { force: true }),
  };
}

/** Whether the server's greeting comes, and not an error: protocol version 10 behind the packet's header. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const done = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(GREETS_WITHIN, () => done(false));
    socket.once('error', () => done(false));
    socket.once('end', () => done(false));
    socket.once('data', (chunk: Buffer) => done(chunk[4] === 10));
  });
}
