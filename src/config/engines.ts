/** What the configuration must know of an engine: words only, the engine itself is app.ts's. */
export interface EngineWords {
  /** How clients may prove who they are; the first is the default. */
  readonly methods: readonly string[];
  /** The database the monitor connects to unless told otherwise; '': none. */
  readonly database: string;
}

const ofMysql: EngineWords = {
  methods: ['caching_sha2_password', 'mysql_native_password', 'trust'],
  database: '',
};

export const engineWords: ReadonlyMap<string, EngineWords> = new Map([
  ['postgres', { methods: ['scram-sha-256', 'md5', 'trust'], database: 'postgres' }],
  ['mysql', ofMysql],
  ['mariadb', { ...ofMysql, methods: ['mysql_native_password', 'caching_sha2_password', 'trust'] }],
]);

/** The method that asks clients for nothing; users then need no password. */
export const UNPROVEN = 'trust';
