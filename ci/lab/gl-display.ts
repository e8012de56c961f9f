import { InfraError } from '../../harness/errors.ts';
import { ensurePackages, installCommand, missingPackages } from '../../harness/system-packages.ts';

/**
 * Devices that render with the host's GL need a QEMU with a display that has GL. SDL's `offscreen`
 * driver gives one without an X server, a seat or a render node: a surface of Mesa's software renderer
 * in QEMU's own memory, so that nothing else runs and nothing is left behind.
 */
export const GL_ARGUMENTS: readonly string[] = ['-display', 'sdl,gl=on'];
export const GL_ENVIRONMENT: Readonly<Record<string, string>> = {
  SDL_VIDEODRIVER: 'offscreen',
  LIBGL_ALWAYS_SOFTWARE: '1',
};

/** The devices if this machine can render for them; else none, and people are told why. */
export async function usableGlDevices(
  devices: readonly string[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  if (devices.length === 0) return devices;
  try {
    await ensurePackages('gl');
    return devices;
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    say(`the machine is without ${devices.join(', ')}: ${error.message}`);
    return [];
  }
}

/** For `lab list`; installs nothing. */
export function glState(): string {
  const missing = missingPackages('gl');
  if (missing.length === 0) return 'yes';
  const names = missing.map(({ name }) => name);
  return `with ${names.join(', ')}, which a run as root installs: ${installCommand(names)}`;
}
