import { message } from '../src/postgres/messages.ts';
import { Visitor } from './visitor.ts';

/**
 * One large answer, or one large copy. `node large-client.ts WHAT MEGABYTES PORT USER PASSWORD DATABASE`, WHAT one of
 * `rows`, `copy-out`, `copy-in`; tells its parent how many bytes went over the wire and in how many ms. It looks at the
 * bytes as little as it can, for it shares the machine with what is measured.
 */
const [what, size = '', port = '', user = '', password = '', database = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

const MEGABYTE = 1_000_000;
/** A row of 1,000 bytes on the wire, about. */
const ROW = 980;
const rows = Math.ceil((Number(size) * MEGABYTE) / ROW);
const wide = `SELECT repeat('x', ${ROW}) AS text FROM generate_series(1, ${rows})`;
const COPY_IN = 0x47; // G
const ERROR = 0x45; // E
/** As psql sends it. */
const PIECE = 8_192;
const DONE = Buffer.concat([message('c')]);

const visitor = await Visitor.logIn({ port: Number(port), user, password, database });
if (what === 'copy-in') await visitor.query('CREATE TABLE IF NOT EXISTS bench_copied (text text)');
const began = performance.now();
const bytes =
  what === 'copy-in' ? await send() : await receive(what === 'rows' ? wide : `COPY (${wide}) TO STDOUT`);
process.send?.({ bytes, ms: performance.now() - began });

/** Bytes of the answer. Its data are of one letter: it is over when a read ends like ReadyForQuery. */
function receive(query: string): Promise<number> {
  const { socket } = visitor;
  const ready = message('Z', 'I');
  let count = 0;
  socket.removeAllListeners('data');
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      if (count === 0 && chunk[0] === ERROR) reject(new Error(chunk.toString('latin1')));
      count += chunk.length;
      if (chunk.subarray(-ready.length).equals(ready)) resolve(count);
    });
    socket.write(message('Q', `${query}\0`));
  });
}

/** Bytes of the copy. No row is kept, so that no disk is measured. */
async function send(): Promise<number> {
  const { socket } = visitor;
  const line = `${'x'.repeat(ROW)}\n`;
  const piece = message('d', line.repeat(Math.floor(PIECE / line.length)));
  const many = Buffer.concat(Array.from({ length: 8 }, () => piece));
  const pieces = Math.ceil((Number(size) * MEGABYTE) / many.length);
  socket.write(message('Q', 'COPY bench_copied FROM STDIN WHERE false\0'));
  for (;;) {
    const { type, body } = await visitor.next();
    if (type === ERROR) throw new Error(body.toString('latin1'));
    if (type === COPY_IN) break;
  }
  for (let sent = 0; sent < pieces; sent++) {
    if (!socket.write(many)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.write(DONE);
  await visitor.ready();
  return pieces * many.length;
}
