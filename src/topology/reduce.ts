import type { NodeSpec, Observation, ProbeFailure } from '../core/node.ts';
import { type NodeFacts, saysStarting, type World } from '../core/world.ts';

/** A world of which nothing has been seen yet. */
export function emptyWorld(specs: readonly NodeSpec[]): World {
  return {
    nodes: specs.map((spec) => ({
      spec,
      seen: undefined,
      last: undefined,
      failures: 0,
      failingSince: undefined,
      startingSince: undefined,
    })),
  };
}

/** The world after one more probe. Pure. An observation of an unknown node changes nothing. */
export function reduce(world: World, observation: Observation): World {
  return {
    nodes: world.nodes.map((facts) =>
      facts.spec.id === observation.node ? after(facts, observation) : facts,
    ),
  };
}

function after(facts: NodeFacts, observation: Observation): NodeFacts {
  if (observation.kind === 'seen') {
    return {
      ...facts,
      seen: observation,
      last: observation,
      failures: 0,
      failingSince: undefined,
      startingSince: undefined,
    };
  }
  const starting = saysStarting(observation.failure);
  const nobody = isNobodyThere(observation.failure);
  return {
    ...facts,
    last: observation,
    failures: nobody ? facts.failures + 1 : 0,
    failingSince: nobody ? (facts.failingSince ?? observation.askedAt) : undefined,
    startingSince: facts.startingSince ?? (starting ? observation.askedAt : undefined),
  };
}

/** Nothing that could be asked is there; a refusal by a server that runs (`denied`) is not that. */
function isNobodyThere(failure: ProbeFailure): boolean {
  return failure === 'refused' || failure === 'reset' || failure === 'timeout' || failure === 'unreachable';
}
