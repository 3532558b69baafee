import { ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';

/** What is known when the link under a session is gone. */
export interface LossFacts {
  readonly node: NodeId;
  readonly words: string;
  /** What was sent and not answered, oldest first. */
  readonly owed: readonly Intent[];
  /** Something of the oldest one's reply has reached the client. */
  readonly began: boolean;
  readonly inTransaction: boolean;
  readonly pinned: boolean;
  /** The node was the primary: only there can anything have taken effect. */
  readonly onPrimary: boolean;
  /** The server was being asked what the last unit has left, or was about to be. */
  readonly settling: boolean;
  /** The unit has been sent again before. */
  readonly retried: boolean;
}

export type LossVerdict = { readonly again: true } | { readonly again: false; readonly error: ProxyError };

/**
 * A lone read of which the client has seen nothing may run elsewhere, once. Everything else is reported: what may
 * have taken effect as unknown, never sent again (spec I5).
 */
export function judgeLoss(facts: LossFacts): LossVerdict {
  const [only] = facts.owed;
  const held = facts.pinned || facts.settling;
  const lone = facts.owed.length === 1 && only?.kind === 'read';
  if (lone && !facts.began && !facts.inTransaction && !held && !facts.retried) return { again: true };
  const commits =
    facts.onPrimary && facts.owed.some((intent) => intent.kind === 'end' && facts.inTransaction);
  const writes =
    facts.onPrimary && !facts.inTransaction && facts.owed.some((intent) => intent.kind !== 'read');
  return { again: false, error: commits || writes ? unknown(facts) : lost(facts) };
}

function unknown({ node, words }: LossFacts): ProxyError {
  return new ProxyError('OUTCOME_UNKNOWN', {
    side: 'server',
    retry: 'unknown',
    tell: `the connection to ${node} was lost before it answered; whether the change took effect is not known (${words}): check before you repeat it`,
  });
}

function lost({ node, words, inTransaction, pinned, settling }: LossFacts): ProxyError {
  const effect = inTransaction
    ? 'the transaction was rolled back'
    : pinned
      ? 'the state this session kept there is gone'
      : settling
        ? 'state that its last statement may have left there is gone'
        : 'the answer is incomplete';
  return new ProxyError('LINK_LOST', {
    side: 'server',
    retry: 'safe',
    tell: `the connection to ${node} was lost (${words}); ${effect}: connect again and repeat it`,
  });
}
