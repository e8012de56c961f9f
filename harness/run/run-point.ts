import type { PointRecord, SkipClass } from '../../reports/results.ts';
import type { Expectation } from '../judge.ts';
import type { WireCase, WirePoint } from '../protocol.ts';

/** What reports say of a point whatever becomes of it. */
export type PointText = Pick<
  PointRecord,
  'title' | 'area' | 'rules' | 'devices' | 'provider' | 'reproduce'
>;

/** A point as the run loop sees it. */
export interface RunPoint {
  readonly id: string;
  readonly text: PointText;
  readonly expectation?: Expectation;
  /** Classes of skips that are failures. */
  readonly required?: ReadonlySet<SkipClass>;
  readonly todo: RunTodo | SkipTodo;
}

/** Something to send to the target. */
export interface RunTodo {
  readonly wire: WirePoint;
  readonly wireCase: WireCase;
}

/** The plan already knows that it cannot run. */
export interface SkipTodo {
  readonly skip: { readonly class: SkipClass; readonly reason: string };
}

/** A point that goes to the target. */
export type SendablePoint = RunPoint & { readonly todo: RunTodo };

export function isSendable(point: RunPoint): point is SendablePoint {
  return 'wire' in point.todo;
}
