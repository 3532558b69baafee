/** Capability flags of the handshake (MySQL internals, "Capabilities Flags"; MariaDB, "Connection"). */
export const LONG_PASSWORD = 1;
export const FOUND_ROWS = 1 << 1;
export const LONG_FLAG = 1 << 2;
export const CONNECT_WITH_DB = 1 << 3;
export const COMPRESS = 1 << 5;
export const LOCAL_FILES = 1 << 7;
export const IGNORE_SPACE = 1 << 8;
export const PROTOCOL_41 = 1 << 9;
export const INTERACTIVE = 1 << 10;
export const SSL = 1 << 11;
export const TRANSACTIONS = 1 << 13;
export const SECURE_CONNECTION = 1 << 15;
export const MULTI_STATEMENTS = 1 << 16;
export const MULTI_RESULTS = 1 << 17;
export const PS_MULTI_RESULTS = 1 << 18;
export const PLUGIN_AUTH = 1 << 19;
export const CONNECT_ATTRS = 1 << 20;
export const PLUGIN_AUTH_LENENC = 1 << 21;
export const SESSION_TRACK = 1 << 23;
export const DEPRECATE_EOF = 1 << 24;

/** Status flags of OK and EOF packets ("Status Flags"). */
export const STATUS_IN_TRANSACTION = 1;
export const STATUS_AUTOCOMMIT = 2;
export const STATUS_MORE_RESULTS = 8;
export const STATUS_CURSOR = 64;
export const STATUS_NO_BACKSLASH_ESCAPES = 512;
export const STATUS_SESSION_STATE = 1 << 14;
