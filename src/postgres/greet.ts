import type { Settings } from '../core/settings.ts';
import type { Greeting, Login, SessionKey } from '../core/wire.ts';
import { backendKeyData, parameterStatus, readyForQuery } from './messages.ts';

/** What the last session was told by a greeting: log-ins of a service are alike. */
interface Told {
  readonly user: string;
  readonly settings: Settings;
  readonly statuses: Buffer;
}

const lastTold = new WeakMap<Greeting, Told>();

/** Wire.greet: ends start-up. AuthenticationOk has been said by `accept`. */
export function greet(login: Login, greeting: Greeting, key: SessionKey): void {
  login.channel.write(Buffer.concat([statusesFor(login, greeting), backendKeyData(key), READY]));
}

function statusesFor(login: Login, greeting: Greeting): Buffer {
  const { user, settings } = login;
  const last = lastTold.get(greeting);
  if (last !== undefined && last.user === user && last.settings === settings) return last.statuses;
  const messages: Buffer[] = [];
  for (const [name, value] of sessionParameters(login, greeting)) messages.push(parameterStatus(name, value));
  const statuses = Buffer.concat(messages);
  lastTold.set(greeting, { user, settings, statuses });
  return statuses;
}

const READY = readyForQuery('idle');

/**
 * What a client is told of its session: the server's parameters, with the values asked for at start-up in
 * their place, and what differs between the nodes of one cluster held constant.
 */
export function sessionParameters(login: Login, greeting: Greeting): Map<string, string> {
  const told = new Map<string, string>();
  for (const [name, value] of greeting.parameters) {
    const asked = login.settings.values.get(name.toLowerCase());
    told.set(name, asked === undefined ? constant(name, value, login) : reported(name, asked, value));
  }
  return told;
}

function constant(name: string, value: string, login: Login): string {
  if (name === 'in_hot_standby' || name === 'default_transaction_read_only') return 'off';
  if (name === 'session_authorization') return login.user;
  // A link's own name is the proxy's.
  if (name === 'application_name') return '';
  return value;
}

/** An asked value in the words in which the server would report it. */
function reported(name: string, asked: string, server: string): string {
  switch (name) {
    case 'client_encoding':
      return encodingName(asked);
    case 'DateStyle':
      return dateStyle(asked, server);
    case 'IntervalStyle':
      return asked.toLowerCase();
    case 'application_name':
      return applicationName(asked);
    case 'standard_conforming_strings':
    case 'default_transaction_read_only':
      return /^(?:on|t|tr|tru|true|y|ye|yes|1)$/i.test(asked) ? 'on' : 'off';
    default:
      return asked;
  }
}

/** As the server keeps it: at most 63 bytes of printable ASCII, other bytes written as \xhh. */
function applicationName(text: string): string {
  let name = '';
  for (const byte of Buffer.from(text)) {
    name += byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
  }
  return name.slice(0, 63);
}

const encodings: ReadonlyMap<string, string> = new Map([
  ['unicode', 'UTF8'],
  ['utf8', 'UTF8'],
  ['sqlascii', 'SQL_ASCII'],
  ['iso88591', 'LATIN1'],
  ['iso88592', 'LATIN2'],
  ['iso88593', 'LATIN3'],
  ['iso88594', 'LATIN4'],
  ['iso88599', 'LATIN5'],
  ['iso885910', 'LATIN6'],
  ['iso885913', 'LATIN7'],
  ['iso885914', 'LATIN8'],
  ['iso885915', 'LATIN9'],
  ['iso885916', 'LATIN10'],
  ['eucjp', 'EUC_JP'],
  ['euccn', 'EUC_CN'],
  ['euckr', 'EUC_KR'],
  ['euctw', 'EUC_TW'],
  ['eucjis2004', 'EUC_JIS_2004'],
  ['shiftjis', 'SJIS'],
  ['mskanji', 'SJIS'],
  ['shiftjis2004', 'SHIFT_JIS_2004'],
  ['koi8', 'KOI8R'],
  ['alt', 'WIN866'],
  ['win', 'WIN1251'],
  ['abc', 'WIN1258'],
  ['tcvn', 'WIN1258'],
  ['tcvn5712', 'WIN1258'],
  ['vscii', 'WIN1258'],
]);

/** PG's own name of an encoding, which compares letters and digits only. */
function encodingName(asked: string): string {
  const plain = asked.toLowerCase().replace(/[^a-z\d]/g, '');
  const iso = /^iso8859(5|6|7|8)$/.exec(plain);
  if (iso !== null) return `ISO_8859_${iso[1]}`;
  return encodings.get(plain) ?? plain.replace(/^windows/, 'win').toUpperCase();
}

/** `ISO, MDY`: a style and an order; what is not asked for stays as the server has it. */
function dateStyle(asked: string, server: string): string {
  let [style = 'ISO', order = 'MDY'] = server.split(', ');
  let ordered = false;
  for (const word of asked.toLowerCase().split(/[\s,]+/)) {
    if (word === 'iso' || word === 'sql') style = word.toUpperCase();
    else if (word.startsWith('postgres')) style = 'Postgres';
    else if (word === 'german') {
      style = 'German';
      if (!ordered) order = 'DMY';
    } else if (/^(?:ymd|dmy|mdy|euro.*|us|noneuro.*)$/.test(word)) {
      ordered = true;
      order =
        word === 'us' || word.startsWith('non') ? 'MDY' : word.startsWith('e') ? 'DMY' : word.toUpperCase();
    }
  }
  return `${style}, ${order}`;
}
