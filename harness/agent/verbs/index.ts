import type { Verb, VerbHandler } from '../verb.ts';
import { CORE_VERBS } from './core-verbs.ts';
import type { RDMA_VERBS } from './rdma-verbs.ts';

/** Every verb of the case language. */
type Verbs = { readonly [V in Verb]: VerbHandler<V> };

/** Makes the schema and the tables agree. */
type AllVerbs = typeof CORE_VERBS & typeof RDMA_VERBS extends Verbs ? Verbs : never;

const loaded: Partial<AllVerbs> = { ...CORE_VERBS };

/**
 * Has what these steps need ready: running them is synchronous, loading is not.
 * @returns whether anything is new
 */
export async function loadVerbsFor(steps: readonly object[]): Promise<boolean> {
  if (steps.every(isLoaded)) return false;
  const { RDMA_VERBS } = await import('./rdma-verbs.ts');
  Object.assign(loaded, RDMA_VERBS);
  return true;
}

/** The verb of a step: the loader of cases made sure that there is exactly one. */
export function verbOf(step: object): Verb | undefined {
  return Object.keys(step).find((key): key is Verb => key in loaded);
}

export function handlerOf(verb: Verb): VerbHandler<Verb> | undefined {
  return loaded[verb] as VerbHandler<Verb> | undefined;
}

/** Whether the verb of a step, and of those that it holds, are there. */
function isLoaded(step: object): boolean {
  const verb = Object.entries(step).find(([key]) => key in loaded);
  return verb !== undefined && heldSteps(verb[1]).every(isLoaded);
}

function heldSteps(verbArguments: unknown): readonly object[] {
  if (typeof verbArguments !== 'object' || verbArguments === null) return [];
  return 'steps' in verbArguments ? (verbArguments.steps as readonly object[]) : [];
}
