import {
  authenticationSasl,
  cString,
  GSSENC_REQUEST,
  SSL_REQUEST,
  saslContinue,
  saslFinal,
} from '../../src/postgres/messages.ts';
import { SCRAM, ScramServer, type Verifier } from '../../src/postgres/scram.ts';
import type { Outlet } from './lane.ts';
import { CODE_AT, GREETING, HEADER, REFUSED } from './postgres.ts';

const PASSWORD = 0x70; // p
/** PG 54.7: SASLInitialResponse has the length of what follows behind the mechanism. */
const INT32 = 4;

/**
 * A client of the floor that logs in with SCRAM-SHA-256, whoever it says that it is. It is taken for granted that
 * whatever it sends is one whole message.
 */
export class FloorLogin {
  readonly #client: Outlet;
  readonly #verifier: Verifier;
  readonly #exchange: ScramServer;
  #isAsked = false;

  constructor(client: Outlet, verifier: Verifier, nonce: string) {
    this.#client = client;
    this.#verifier = verifier;
    this.#exchange = new ScramServer(verifier, nonce, undefined);
  }

  /** What the client sent. False: there is nothing more to say to it. Throws where the exchange does. */
  take(bytes: Buffer): boolean {
    // What comes first has no type: it begins with the high byte of its length.
    if (bytes[0] === 0) this.#client.write(openingAnswer(bytes));
    else if (bytes[0] !== PASSWORD) return false;
    else if (this.#isAsked) return this.#prove(bytes);
    else this.#ask(bytes);
    return true;
  }

  #ask(bytes: Buffer): void {
    const { text = '', next = 0 } = cString(bytes, HEADER) ?? {};
    this.#isAsked = true;
    this.#client.write(saslContinue(this.#exchange.first(text, bytes.toString('utf8', next + INT32))));
  }

  #prove(bytes: Buffer): boolean {
    const proof = this.#exchange.final(bytes.toString('utf8', HEADER), this.#verifier);
    if (proof === undefined) return false;
    this.#client.write(Buffer.concat([saslFinal(proof), GREETING]));
    return true;
  }
}

const METHODS = authenticationSasl([SCRAM]);

function openingAnswer(bytes: Buffer): Buffer {
  const code = bytes.readUInt32BE(CODE_AT);
  return code === SSL_REQUEST || code === GSSENC_REQUEST ? REFUSED : METHODS;
}
