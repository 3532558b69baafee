import { Visitor } from './visitor.ts';

/**
 * Connects, logs in, says goodbye, again and again. `node connect-clients.ts SECONDS AT_ONCE PORT USER PASSWORD
 * DATABASE`; tells its parent how many connections were made and in how many ms, then waits to be ended.
 */
const [seconds = '', atOnce = '', port = '', user = '', password = '', database = ''] = process.argv.slice(2);
const aim = { port: Number(port), user, password, database };
process.on('disconnect', () => process.exit(0));

// The keys of the password are derived before the clock starts.
await (await Visitor.logIn(aim)).leave();

let made = 0;
const began = performance.now();
const until = began + Number(seconds) * 1_000;

async function comeAndGo(): Promise<void> {
  while (performance.now() < until) {
    const visitor = await Visitor.logIn(aim);
    made++;
    await visitor.leave();
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, comeAndGo));
process.send?.({ made, ms: performance.now() - began });
