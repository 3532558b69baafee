import { Client } from 'pg';

/**
 * Connects many clients and tells its parent how many failed; when it is told anything, asks each for an answer
 * and tells how many gave one.
 */
const [port = '', count = '', user = '', password = '', database = ''] = process.argv.slice(2);
/** Log-ins, and questions, under way at one time. */
const AT_ONCE = 50;
const ANSWER_WITHIN = 20_000;

const clients: Client[] = [];
let failed = 0;

async function connect(): Promise<void> {
  const client = new Client({
    host: '127.0.0.1',
    port: Number(port),
    ...{ user, password, database },
    query_timeout: ANSWER_WITHIN,
  });
  // A lost connection does not answer.
  client.on('error', () => undefined);
  try {
    await client.connect();
    clients.push(client);
  } catch (error) {
    if (failed++ === 0) process.stderr.write(`${error}\n`);
  }
}

/** Works through `left` in so many lanes. */
async function each<T>(left: T[], work: (one: T) => Promise<void>): Promise<void> {
  const drain = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, drain));
}

let answered = 0;
process.on('disconnect', () => process.exit(0));
process.on('message', async () => {
  await each([...clients], async (client) => {
    const answer = await client.query('SELECT 1 AS one').catch(() => undefined);
    if (answer?.rows[0]?.one === 1) answered++;
  });
  process.send?.({ failed, answered });
});
await each(
  Array.from({ length: Number(count) }, (_, at) => at),
  connect,
);
process.send?.({ failed, answered });
