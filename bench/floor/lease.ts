import type { AnswerEnd, Outlet } from './lane.ts';

/** Whether the answer that ends at `end` leaves no transaction open. */
export type IsAtRest = (bytes: Buffer, end: number) => boolean;

/** A client of the floor, and the server connection that it has to itself. */
export interface Tenant {
  readonly client: Outlet;
  link: Link | undefined;
  /** Its request, while it waits for a connection. */
  unsent: Buffer | undefined;
}

/** A connection to the server, and who has it. */
export interface Link {
  readonly server: Outlet;
  tenant: Tenant | undefined;
  unread: Buffer | undefined;
}

export const newTenant = (client: Outlet): Tenant => ({ client, link: undefined, unsent: undefined });

/**
 * Server connections of the floor, each for one client at a time: from its first request until an answer leaves no
 * transaction open. Who finds none free waits its turn. A client has one open request at a time.
 */
export class FloorLeases {
  readonly #answerEnd: AnswerEnd;
  readonly #isAtRest: IsAtRest;
  readonly #free: Link[] = [];
  readonly #waiting: Tenant[] = [];

  constructor(answerEnd: AnswerEnd, isAtRest: IsAtRest) {
    this.#answerEnd = answerEnd;
    this.#isAtRest = isAtRest;
  }

  /** One more connection, at rest. */
  add(server: Outlet): Link {
    const link: Link = { server, tenant: undefined, unread: undefined };
    this.#release(link);
    return link;
  }

  /** Sends one whole request on the client's connection, once it has one. */
  ask(tenant: Tenant, request: Buffer): void {
    const link = tenant.link ?? this.#free.pop();
    if (link === undefined) {
      tenant.unsent = request;
      this.#waiting.push(tenant);
      return;
    }
    lend(link, tenant);
    link.server.write(request);
  }

  /** What the server sent: the client is given its answer once all of it is there. */
  take(link: Link, chunk: Buffer): void {
    const bytes = link.unread === undefined ? chunk : Buffer.concat([link.unread, chunk]);
    const end = this.#answerEnd(bytes, 0);
    link.unread = end === -1 ? bytes : undefined;
    if (end === -1) return;
    link.tenant?.client.write(bytes);
    if (this.#isAtRest(bytes, end)) this.#release(link);
  }

  /** The client is gone. The connection that it had is of no use any more: it is given back to be closed. */
  leave(tenant: Tenant): Link | undefined {
    const { link } = tenant;
    const place = this.#waiting.indexOf(tenant);
    if (place !== -1) this.#waiting.splice(place, 1);
    tenant.link = undefined;
    if (link !== undefined) link.tenant = undefined;
    return link;
  }

  #release(link: Link): void {
    if (link.tenant !== undefined) link.tenant.link = undefined;
    link.tenant = undefined;
    const next = this.#waiting.shift();
    if (next?.unsent === undefined) {
      this.#free.push(link);
      return;
    }
    lend(link, next);
    link.server.write(next.unsent);
    next.unsent = undefined;
  }
}

function lend(link: Link, tenant: Tenant): void {
  link.tenant = tenant;
  tenant.link = link;
}
