import type { Plan, ServerSide } from '../core/wire.ts';

/** What the client half has to do with on the server half of a link. */
export interface LinkSide extends Pick<ServerSide, 'adjust'> {
  readonly reset: Plan;
  /** Statements that the server connection knows. */
  readonly statements: {
    get(key: string): { readonly id: number } | undefined;
    set(key: string, id: number): void;
    /** Unless the server connection knows it already: then this one is closed. */
    add(key: string, id: number): void;
    /** It goes by another name from now on. */
    adopt(key: string, name: string): { readonly id: number } | undefined;
    /** The server is to close it. */
    forget(key: string): void;
    close(id: number): void;
    /** Commands that close statements which are not needed any more; they have no answer. */
    takeClosing(): Buffer | undefined;
    /** How often all of them were forgotten, with everything else that the server connection was. */
    readonly resets: number;
  };
}
