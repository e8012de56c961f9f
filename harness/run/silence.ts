/** How long an agent may be silent before it counts as lost. */
import type { Target, TargetLoss } from '../target.ts';
import type { SendablePoint } from './run-point.ts';

/** Beyond the limit of its points, before the target's own factor. */
const SILENCE_MS = 30_000;

/** The longest silence while these points are under way. */
export function silenceLimitMs(points: readonly SendablePoint[], target: Target): number {
  const longest = Math.max(0, ...points.map(({ todo }) => todo.wire.timeoutMs));
  return longest + SILENCE_MS * target.timeoutScale;
}

export function silenceLoss(timeoutMs: number): TargetLoss {
  const message = `no sign of life for ${Math.round(timeoutMs / 1000)} s`;
  return { kind: 'closed', message, console: '' };
}
