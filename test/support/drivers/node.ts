/**
 * What an application does by mysql2 or mariadb (npm). Arguments: the driver, host, port, user, password, database.
 */

interface Connection {
  query(text: string): Promise<unknown>;
  execute(text: string, values?: unknown[]): Promise<unknown>;
  beginTransaction(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  ping(): Promise<void>;
  end(): Promise<void>;
}

const [driver = '', host = '', port = '', user = '', password = '', database = ''] = process.argv.slice(2);

async function connect(): Promise<Connection> {
  const facts = { host, port: Number(port), user, password, database };
  if (driver === 'mysql2') {
    const { createConnection } = await import('mysql2/promise');
    const connection = await createConnection({
      ...facts,
      charset: 'UTF8MB4_UNICODE_CI',
      dateStrings: true,
      supportBigNumbers: true,
    });
    const first = async (answer: Promise<[unknown, unknown]>): Promise<unknown> => (await answer)[0];
    return {
      query: (text) => first(connection.query(text)),
      execute: (text, values = []) => first(connection.execute(text, values as string[])),
      beginTransaction: () => connection.beginTransaction(),
      commit: () => connection.commit(),
      rollback: () => connection.rollback(),
      ping: () => connection.ping(),
      end: () => connection.end(),
    };
  }
  const { createConnection } = await import('mariadb');
  return createConnection({
    ...facts,
    collation: 'UTF8MB4_UNICODE_CI',
    dateStrings: true,
    allowPublicKeyRetrieval: true,
  });
}

const show = (what: string, value: unknown): void => {
  const plain = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one));
  console.log(what, plain);
};

async function failing(connection: Connection, text: string): Promise<void> {
  try {
    show(text, await connection.execute(text));
  } catch (error) {
    const { errno, sqlState, code } = error as { errno: number; sqlState: string; code: string };
    show(text, { errno, sqlState, code });
  }
}

const connection = await connect();
const run = async (text: string, values?: unknown[]): Promise<void> =>
  show(
    text.replaceAll(/\s+/g, ' '),
    values === undefined ? await connection.query(text) : await connection.execute(text, values),
  );

await run('DROP TABLE IF EXISTS fruit');
await run(`CREATE TABLE fruit (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE,
  price decimal(10,2), weight double, picked datetime(6), raw blob, note text) CHARACTER SET utf8mb4`);
const insert = 'INSERT INTO fruit (name, price, weight, picked, raw, note) VALUES (?, ?, ?, ?, ?, ?)';
await run(insert, ['apple', '1.25', 0.5, '2024-02-29 12:34:56.789012', Buffer.from([0, 255, 1]), null]);
await run(insert, ['brünette 🍐', '0.99', 0.001, null, Buffer.alloc(0), '\\ % _ "quoted"\n']);
await run('SELECT * FROM fruit ORDER BY id');
await run('SELECT * FROM fruit WHERE id = ? OR name = ? ORDER BY id', [1, 'none']);
await run('SELECT * FROM fruit WHERE id = ? OR name = ? ORDER BY id', [7, 'brünette 🍐']);
await run('UPDATE fruit SET price = price + 1 WHERE id > ?', [0]);
await run('UPDATE fruit SET price = price WHERE id > ?', [0]);

await connection.beginTransaction();
await run("INSERT INTO fruit (name) VALUES ('plum')");
await run('SELECT COUNT(*) AS inside FROM fruit');
await connection.rollback();
await run('SELECT COUNT(*) AS outside FROM fruit');
await connection.beginTransaction();
await run('DELETE FROM fruit WHERE id = ?', [2]);
await connection.commit();
await run('SELECT name FROM fruit');

await failing(connection, "INSERT INTO fruit (name) VALUES ('apple')");
await failing(connection, 'SELECT * FROM nowhere');
await failing(connection, 'SELEKT 1');
await run("INSERT IGNORE INTO fruit (name, price) VALUES ('kiwi', 'much')");
await run('SHOW WARNINGS');
await run('SELECT LAST_INSERT_ID() = MAX(id) AS mine FROM fruit');

for (let n = 0; n < 50; n++) await connection.execute('INSERT INTO fruit (name) VALUES (?)', [`many ${n}`]);
await run("SELECT COUNT(*) AS many FROM fruit WHERE name LIKE 'many%'");
const large = 'x'.repeat(2_000_000);
await run('SELECT LENGTH(?) AS large', [large]);
await run("SET @found := 7, SESSION sql_mode = 'ANSI_QUOTES'");
await run('SELECT @found, @@sql_mode, "name" FROM "fruit" WHERE "id" = 1');
await run('CREATE TEMPORARY TABLE crate (a int)');
await run('INSERT INTO crate VALUES (1), (2)');
await run('SELECT * FROM crate');
await connection.ping();
await run('DROP TABLE fruit');
await connection.end();
