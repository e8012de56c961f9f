/**
 * Whether one of the steps, or one that a step holds, is what is looked for. Other objects inside steps
 * are asked too: no argument has the name of a verb that holds steps.
 */
export function someStep(steps: unknown, isIt: (step: object) => boolean): boolean {
  if (typeof steps !== 'object' || steps === null) return false;
  return isIt(steps) || Object.values(steps).some((inner) => someStep(inner, isIt));
}
