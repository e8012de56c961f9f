import { readdirSync, readFileSync } from 'node:fs';
import type { BufferObject, Outcome, Session } from '../../providers/contract.ts';
import type { Refusal, StepFailure } from '../../reports/results.ts';
import { errnoName } from '../../uapi/errno.ts';
import { REFERENCE_EXPORTERS } from '../../uapi/reference-dma-buf.ts';
import { tryClose } from '../../uapi/sys.ts';

/**
 * Imports that a driver declines. No driver must take the buffers of every other one, so a case may
 * say with which errnos it can be refused; but the refusal must be the same each time and leave
 * nothing behind, and the reader is told which side it was.
 */

/** Ends a point: a driver declined, in good order, what the rest of the case is about. */
export class RefusedImport extends Error {
  override name = 'RefusedImport';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusalText(refusal));
    this.refusal = refusal;
  }
}

/** `by the importer: ENODEV from DRM_IOCTL_PRIME_FD_TO_HANDLE` */
export function refusalText({ by, errno, call }: Refusal): string {
  const side = by === 'either' ? 'by the importer or the exporter' : `by the ${by}`;
  return `${side}: ${errno} from ${call}`;
}

type CheckedRefusal =
  | { readonly ok: true; readonly refusal: Refusal }
  | { readonly ok: false; readonly wrong: Pick<StepFailure, 'expected' | 'actual'> };

interface ErrnoOfCall {
  readonly errno: number;
  readonly call: string;
}

const AGAIN = 3;

/** Has it refused again, and finds out by whom: see {@link sideOf}. */
export function checkRefusal(
  dmabuf: number,
  session: Session,
  { errno, call }: ErrnoOfCall,
): CheckedRefusal {
  const name = errnoName(errno);
  const before = held(dmabuf);
  for (let round = 0; round < AGAIN; round++) {
    const answer = tryImport(session, dmabuf);
    if (answer !== errno) {
      const actual = answer === 0 ? 'success' : errnoName(answer);
      return { ok: false, wrong: { expected: `${name} again`, actual } };
    }
  }
  const after = held(dmabuf);
  if (before !== after) {
    const wrong = { expected: `${before}, as before the import`, actual: after };
    return { ok: false, wrong };
  }
  return { ok: true, refusal: { by: sideOf(dmabuf, session, errno), errno: name, call } };
}

/**
 * The exporter, where the importer takes a buffer of ordinary memory, or gives another errno for that:
 * the exporter is asked first, for attachment and mapping. The importer, where that fails alike.
 * Source: drivers/gpu/drm/drm_prime.c, drm_gem_prime_import_dev()
 */
function sideOf(dmabuf: number, session: Session, errno: number): Refusal['by'] {
  const exporter = /^exp_name:\s*(.*)$/m.exec(fdInfo(dmabuf))?.[1] ?? '';
  const answers = REFERENCE_EXPORTERS.filter(({ name }) => name !== exporter).flatMap(
    ({ make }) => {
      const reference = make();
      if (reference === undefined) return [];
      const answer = tryImport(session, reference);
      tryClose(reference);
      return [answer];
    },
  );
  if (answers.length === 0) return 'either';
  return answers.every((answer) => answer === errno) ? 'importer' : 'exporter';
}

/** The errno of an import that is given back at once; 0 for success. */
function tryImport(session: Session, dmabuf: number): number {
  const imported: Outcome<BufferObject> | undefined = session.importDmabuf?.(dmabuf);
  if (imported === undefined) throw new TypeError('a session without importDmabuf() has refused');
  if (!imported.ok) return imported.errno;
  session.free?.(imported.value);
  return 0;
}

/** Descriptors of this process, and references to the dma-buf. */
function held(dmabuf: number): string {
  const references = /^count:\s*(\d+)$/m.exec(fdInfo(dmabuf))?.[1] ?? '?';
  return `${readdirSync('/proc/self/fd').length} descriptors and ${references} references`;
}

function fdInfo(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
}
