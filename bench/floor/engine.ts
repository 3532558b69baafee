import type { Socket } from 'node:net';
import type { Aim } from '../pgbench.ts';
import type { AnswerEnd } from './lane.ts';

/** All that a protocol is to the floor. */
export interface FloorEngine {
  /** A connection to the server, logged in, with nothing unread on it. */
  readonly connect: (aim: Aim) => Promise<Socket>;
  /** Lets a client in, whoever it is; rejects if it leaves meanwhile. */
  readonly admit: (client: Socket) => Promise<void>;
  readonly isGoodbye: (request: Buffer) => boolean;
  readonly answerEnd: AnswerEnd;
}
