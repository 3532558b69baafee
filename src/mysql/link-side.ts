import type { Plan, ServerSide } from '../core/engine.ts';

/** What the client half has to do with on the server half of a link. */
export interface LinkSide extends Pick<ServerSide, 'adjust'> {
  readonly reset: Plan;
  /** Statements that the server connection knows. */
  readonly statements: {
    get(key: string): { readonly id: number } | undefined;
    set(key: string, id: number): void;
    /** Commands that close statements which are not needed any more; they have no answer. */
    takeClosing(): Buffer | undefined;
    /** How often all of them were forgotten, with everything else that the server connection was. */
    readonly resets: number;
  };
}
