import { type ErrorCode, ProxyError } from '../core/errors.ts';
import type { ErrFacts } from './messages.ts';
import { PayloadReader } from './packets.ts';

interface Wording {
  readonly code: number;
  readonly state: string;
}

const word = (code: number, state: string): Wording => ({ code, state });

/**
 * Numbers that drivers act upon ("Server Error Message Reference", "Client Error Message Reference"). SQLSTATE class
 * 08 and 4031 make pools throw the connection away: only where the session ends or its transaction is lost. 1040, 1205
 * and 3168 are tried again. 1105 and 0A000 would cost pools a connection that is sound. 2000 to 2999 are a client's own:
 * MariaDB's library takes an error packet with one of them for a malformed one, and drops its words.
 */
export const wordings: Readonly<Record<ErrorCode, Wording>> = {
  AUTH_FAILED: word(1045, '28000'),
  AUTH_METHOD: word(1251, '08004'),
  BAD_STARTUP: word(1043, '08S01'),
  CANCELLED: word(1317, '70100'),
  CLIENT_LIMIT: word(1040, '08004'),
  CONFIG: word(1105, 'HY000'),
  CONNECT_FAILED: word(3168, 'HY000'),
  HOLD_FULL: word(1040, 'HY000'),
  HOLD_TIMEOUT: word(1205, 'HY000'),
  LINK_LOST: word(4031, '08S01'),
  NODE_REFUSED: word(3168, 'HY000'),
  NOT_YOUR_SESSION: word(1095, 'HY000'),
  NO_SUCH_SESSION: word(1094, 'HY000'),
  NO_REPLICA: word(3168, 'HY000'),
  // 08007: "transaction resolution unknown", as drivers say themselves of a COMMIT without an answer.
  OUTCOME_UNKNOWN: word(4031, '08007'),
  POOL_FULL: word(1040, 'HY000'),
  POOL_TIMEOUT: word(1040, 'HY000'),
  PORT_TAKEN: word(1105, 'HY000'),
  PROTOCOL: word(1835, 'HY000'),
  READ_ONLY_TRANSACTION: word(1792, '25006'),
  SETTINGS_FAILED: word(1231, '42000'),
  SHUTDOWN: word(1053, '08S01'),
  STARTUP_TIMEOUT: word(1159, '08S01'),
  TLS_REQUIRED: word(3159, 'HY000'),
  TRANSACTION_FAILED: word(1179, '25000'),
  UNSUPPORTED: word(1235, '42000'),
};

/** SQLSTATEs of numbers that are passed on without theirs; all others are HY000. */
const states: ReadonlyMap<number, string> = new Map(
  Object.entries({
    '08S01': [1043, 1047, 1053, 1080, 1081, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184],
    '08004': [1040, 1251],
    '21000': [1222, 1241, 1242],
    '21S01': [1058, 1136],
    '22001': [1406],
    '22003': [1264, 1690],
    '22007': [1292],
    '22012': [1365],
    '23000': [1022, 1048, 1052, 1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 1761, 1762],
    '25000': [1179, 1207],
    '25001': [1568],
    '25006': [1792],
    '28000': [1045, 1698, 1873],
    '3D000': [1046],
    '40001': [1213],
    '42000': [
      1044, 1049, 1055, 1056, 1057, 1059, 1060, 1061, 1063, 1064, 1065, 1066, 1067, 1068, 1069, 1070, 1071,
      1072, 1073, 1074, 1075, 1083, 1084, 1090, 1091, 1101, 1102, 1103, 1104, 1106, 1107, 1110, 1112, 1113,
      1115, 1118, 1120, 1121, 1131, 1132, 1133, 1138, 1139, 1140, 1141, 1142, 1143, 1144, 1145, 1147, 1148,
      1149, 1162, 1163, 1164, 1166, 1167, 1170, 1171, 1172, 1173, 1176, 1177, 1178, 1203, 1211, 1226, 1227,
      1230, 1231, 1232, 1234, 1235, 1239, 1248, 1252, 1253, 1280, 1281, 1286, 1304, 1305, 1318, 1370, 1403,
      1407, 1410, 1458, 1461, 1463, 1582, 1583, 1584, 1630, 1641,
    ],
    '42S01': [1050],
    '42S02': [1051, 1109, 1146],
    '42S21': [1060],
    '42S22': [1054, 1247],
    '70100': [1317, 1927, 3024],
  }).flatMap(([state, codes]) => codes.map((code) => [code, state] as const)),
);

export const stateOf = (code: number): string => states.get(code) ?? 'HY000';

/** What a client is told of an error: its number, SQLSTATE and words. A server's refusal keeps its own. */
export function serverError(error: ProxyError): ErrFacts {
  const own = Number(error.server?.code);
  if (error.server !== undefined && Number.isInteger(own) && own > 0 && own < 65_536) {
    return { code: own, state: stateOf(own), message: error.server.message };
  }
  return { ...wordings[error.code], message: error.message };
}

/** A client's mistake under the server's own number for it. */
export function clientError(code: ErrorCode, number: number, tell: string, cause?: unknown): ProxyError {
  const server = { code: String(number), message: tell };
  return new ProxyError(code, { side: 'client', retry: 'no', tell, server, cause });
}

/** Reads an ERR packet's payload ("ERR_Packet"). `state` is '' where the server gave none. */
export function parseErr(payload: Buffer): ErrFacts {
  const reader = new PayloadReader(payload, 1);
  const code = reader.left >= 2 ? reader.int(2) : 0;
  const marked = payload[reader.at] === 0x23 && reader.left >= 6;
  const state = marked ? reader.take(6).toString('latin1', 1) : '';
  return { code, state, message: reader.rest().toString('utf8') };
}

/** Wrong account, no such schema, no right to it, an address that may not: the same attempt fails again. */
const FINAL = new Set([1044, 1045, 1049, 1130, 1142, 1227, 1251, 1698, 1820, 1862, 3118, 3159, 4151]);
/** No room, or on its way down or up: whoever comes later may be served. */
const PASSING = new Set([1040, 1053, 1203, 1226, 3032, 3169]);

/** A server's ERR packet to the proxy itself at log-in; `node` names who refused. */
export function nodeRefused(node: string, payload: Buffer): ProxyError {
  const { code, message } = parseErr(payload);
  const text = message || 'the server refused without a reason';
  return new ProxyError(PASSING.has(code) ? 'CONNECT_FAILED' : 'NODE_REFUSED', {
    side: 'server',
    retry: FINAL.has(code) ? 'no' : 'safe',
    tell: `${node} refused the connection: ${text} (${code})`,
    server: { code: String(code), message: text },
  });
}
