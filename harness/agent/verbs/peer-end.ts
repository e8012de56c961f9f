import type { EndedPeer, PeerEnd, PeerOutput } from '../peer-protocol.ts';
import { RefusedImport } from '../refusal.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect } from '../values.ts';
import { type PointContext, refused, type VerbResult } from '../verb.ts';

/** What the end of another process says of the step that started it. */

/** A fault counts only in the step that is there to provoke it: the last. */
export function judgeEnd(
  { steps, ends }: PeerEnd,
  ended: EndedPeer,
  context: Pick<PointContext, 'failInside'>,
): VerbResult | undefined {
  const { entered, report } = ended.output;
  if (report?.defect !== undefined) throw new CaseDefect(`in the other process: ${report.defect}`);
  if (report?.refusal !== undefined) throw new RefusedImport(report.refusal);
  if (report?.refused !== undefined) return refused(report.refused);
  if (report?.failure !== undefined) return context.failInside(report.failure);
  if (ended.stopped) return undefined;
  const faulted = ends === 'SIGSEGV' || ends === 'SIGBUS';
  if (ended.how === ends && (!faulted || entered === String(steps.length))) return undefined;
  return {
    kind: 'mismatch',
    expected: `the other process ends by ${ends}${faulted ? ' in its last step' : ''}`,
    actual: `it ended by ${ended.how} in step ${entered}`,
  };
}

/** What the other process destroyed is not there to be destroyed at the end. */
export function noteDestroyed({ report }: PeerOutput, scope: Scope): void {
  for (const name of report?.destroyed ?? []) {
    scope.value(`$${name}`, 'rdma').life.destroyed = true;
  }
}
