import { JournalError } from '../../reports/journal.ts';
import { plainText } from '../../reports/text.ts';
import { ReportError } from '../../reports/write.ts';
import { InfraError, UsageError } from '../errors.ts';
import { defectText } from '../run/run.ts';
import { Stopped } from '../run/unless-stopped.ts';

/** 2 for what the user gave, 3 for what is missing or broken, our own defects among it. */
export function exitCodeOf(error: unknown): 2 | 3 {
  return error instanceof UsageError || error instanceof JournalError ? 2 : 3;
}

/** What the user is told. Only a defect of ours shows where in the code it happened. */
export function messageOf(error: unknown): string {
  if (error instanceof Stopped) return 'interrupted';
  const isExpected = [UsageError, InfraError, JournalError, ReportError].some(
    (kind) => error instanceof kind,
  );
  // It may repeat what a file holds, whatever that is.
  if (error instanceof Error && isExpected) return plainText(error.message);
  return defectText(error);
}
