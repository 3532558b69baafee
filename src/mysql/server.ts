import type { SettingChange, Settings } from '../core/settings.ts';
import type {
  Adjustment,
  AuditResult,
  Greeting,
  Opened,
  Outcome,
  Plan,
  ReplySink,
  ServerSide,
} from '../core/wire.ts';
import { isMariaDb } from './collations.ts';
import { COM_PING, COM_QUIT, COM_RESET_CONNECTION } from './commands.ts';
import { LinkStatements } from './link-statements.ts';
import { command, queryCommand } from './messages.ts';
import { lostTrack } from './payloads.ts';
import { noLocalFiles } from './refusal.ts';
import { type Answer, Reply } from './reply.ts';
import { ReplyReader } from './reply-reader.ts';
import { setUpStatement } from './set-up.ts';
import { AdjustReply, adjustCommands, MULTI, namesAfter } from './settings.ts';
import { outlasting, Tracked } from './tracked.ts';

/** The server half of one link: what is said there in the proxy's own name, and how answers are followed. */
export class MysqlServer implements ServerSide {
  readonly greeting: Greeting;
  /** Prepared statements that this server connection knows. */
  readonly statements = new LinkStatements();
  /** COM_RESET_CONNECTION and the trackers again, which it has switched off. The schema stays. */
  readonly reset: Plan;
  readonly #tracked = new Tracked();
  /** The log-in has added to the server's default sql_mode (CLIENT_IGNORE_SPACE): this is the link's. */
  readonly #ownMode: string | undefined;
  readonly #reader: ReplyReader;

  constructor({ channel, greeting }: Opened) {
    const { parameters } = greeting;
    const version = parameters.get('version') ?? '';
    this.greeting = greeting;
    const mode = parameters.get('sql_mode') ?? '';
    this.#ownMode = mode.split(',').includes('IGNORE_SPACE') ? mode : undefined;
    this.reset = this.#resetting(version);
    this.#reader = new ReplyReader({
      channel,
      statements: this.statements,
      tracked: this.#tracked,
      autocommit: parameters.get('autocommit') !== 'OFF',
      noLocalFiles: noLocalFiles(isMariaDb(version)),
    });
  }

  feed(chunk: Buffer, sink: ReplySink): void {
    this.#reader.feed(chunk, sink);
  }

  adjust(wanted: readonly SettingChange[]): Adjustment | undefined {
    const changes = this.#ownMode === undefined ? wanted : wanted.map((change) => this.#default(change));
    const names = namesAfter(changes, (name) => this.#parameter(name));
    const commands = adjustCommands(changes, this.#parameter('character_set_client'), names);
    if (commands === undefined) return undefined;
    const multi = changes.find(({ name }) => name === MULTI);
    const answers = [...commands.answers];
    const last = answers.pop();
    // COM_SET_OPTION is the last command, and no tracker reports it.
    if (last !== undefined) {
      answers.push(
        multi === undefined ? last : { ...last, succeeded: () => this.#tracked.told(MULTI, multi.value) },
      );
    }
    return { bytes: commands.bytes, expect: new AdjustReply(answers), critical: true };
  }

  #default(change: SettingChange): SettingChange {
    const isMode = change.name === 'sql_mode' && change.value === null;
    return isMode && this.#ownMode !== undefined ? { name: 'sql_mode', value: this.#ownMode } : change;
  }

  get plain(): Plan {
    return this.reset;
  }

  remaining(settings: Settings): Settings {
    return outlasting(settings);
  }

  get ping(): Plan {
    return PING;
  }

  get rollback(): Plan {
    return ROLLBACK;
  }

  /** Trackers have said all that an audit could ask for; what they have held back so far comes with any answer. */
  audit(): Plan {
    return PING;
  }

  audited({ pin }: Outcome): AuditResult {
    return { settings: this.#tracked.settings, pin };
  }

  get quit(): Buffer {
    return QUIT;
  }

  #parameter(name: string): string {
    return this.#tracked.get(name) ?? this.greeting.parameters.get(name) ?? '';
  }

  #resetting(version: string): Plan {
    const wiped: Answer = {
      shape: 'done',
      take: 'swallow',
      succeeded: () => {
        this.statements.clear();
        this.#tracked.reset();
      },
    };
    const tracking: Answer = {
      shape: 'result',
      take: 'swallow',
      settingsOnly: true,
      failed: (error) => {
        throw lostTrack(`error ${error} when its trackers were to be switched on again`);
      },
    };
    const mode = this.#ownMode === undefined ? '' : `, SESSION sql_mode='${this.#ownMode}'`;
    const setUp = queryCommand(setUpStatement(version) + mode);
    return {
      bytes: Buffer.concat([command(COM_RESET_CONNECTION), setUp]),
      expect: new Reply([wiped, tracking]),
    };
  }
}

const PING: Plan = {
  bytes: command(COM_PING),
  expect: new Reply([{ shape: 'done', take: 'swallow' }]),
};
/** Whatever completion_type says: neither another transaction nor the end of the connection. */
const ROLLBACK: Plan = {
  bytes: queryCommand('ROLLBACK AND NO CHAIN NO RELEASE'),
  expect: new Reply([{ shape: 'result', take: 'swallow' }]),
};
const QUIT = command(COM_QUIT);
