import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import { FORWARD, type Target } from '../../../src/core/wire.ts';
import { Injected } from '../../../src/pool/injected.ts';
import { Link, type Loss } from '../../../src/pool/link.ts';
import { message, readyForQuery } from '../../../src/postgres/messages.ts';
import { wire } from '../../../src/postgres/wire.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

const target: Target = {
  node: nodeId('pg-1'),
  endpoint: { host: '127.0.0.1', port: 1 },
  user: 'u',
  password: undefined,
  database: 'd',
  options: '',
  tls: undefined,
};
const lastWords = (code: string): Buffer => message('E', `SFATAL\0VFATAL\0C${code}\0Mgoodbye\0\0`);

function linked() {
  const channel = new MemoryChannel();
  const heard: string[] = [];
  const opened = { channel, greeting: { parameters: new Map<string, string>() }, key: Buffer.alloc(8) };
  const owner = {
    linkClosed: () => void heard.push('closed'),
    linkSignal: (_link: Link, kind: string) => void heard.push(kind),
  };
  const link = new Link(wire, target, opened, owner, 0);
  const losses: Loss[] = [];
  link.holder = {
    linkLost: (_link, loss) => void losses.push(loss),
    linkAside: () => undefined,
    linkDrained: () => undefined,
    linkAnswered: () => undefined,
    linkRead: () => undefined,
    linkIdle: () => undefined,
  };
  return { channel, heard, link, losses };
}

describe('a link', () => {
  test('the last words of a server end it at once where nothing is owed: nothing more is sent on it', () => {
    const { channel, heard, link, losses } = linked();
    channel.push(lastWords('57P02'));
    assert.equal(link.isClosed, true);
    assert.deepEqual(heard, ['terminated', 'link-lost', 'closed']);
    assert.deepEqual(
      losses.map(({ words, owed, orderly }) => ({ words, owed, orderly })),
      [{ words: 'goodbye (57P02)', owed: [], orderly: false }],
    );
  });

  test('a server that stands still is not given more and more cancel requests', () => {
    const { link } = linked();
    let asked = 0;
    const still = { ...wire, cancel: () => new Promise<void>(() => void asked++) };
    for (let n = 0; n < 100; n++) link.cancels.ask(still, AbortSignal.abort());
    assert.equal(asked, 3);
    assert.equal(link.cancels.isQuiet, false);
  });

  test('a shutdown in good order is no sign that what ran has killed the server', () => {
    const { channel, heard, link, losses } = linked();
    link.send({ bytes: Buffer.alloc(1), expect: FORWARD }, new Injected(() => undefined), undefined);
    channel.push(lastWords('57P01'));
    assert.equal(link.isClosed, false);
    channel.hangUp();
    assert.deepEqual(heard, ['terminated', 'closed']);
    assert.equal(losses[0]?.orderly, true);
    assert.equal(losses[0]?.owed.length, 1);
  });

  test('a reply goes to who sent for it, in the order of the sending', () => {
    const { channel, link } = linked();
    const order: string[] = [];
    for (const name of ['first', 'second']) {
      const owner = new Injected(() => void order.push(name));
      link.send({ bytes: Buffer.alloc(1), expect: FORWARD }, owner, undefined);
    }
    channel.push(Buffer.concat([readyForQuery('idle'), readyForQuery('idle')]));
    assert.deepEqual(order, ['first', 'second']);
    assert.equal(link.owed, 0);
  });

  test('what a server sends unasked and out of the protocol closes it, and the holder is told', () => {
    const { channel, link, losses } = linked();
    channel.push(readyForQuery('idle'));
    assert.equal(link.isClosed, true);
    assert.equal(losses[0]?.error.code, 'PROTOCOL');
  });
});
