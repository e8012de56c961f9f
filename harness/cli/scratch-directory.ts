import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for what a target writes when no run keeps it: the console of a guest. Gone at the end. */
export class ScratchDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'uapi-conform-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
