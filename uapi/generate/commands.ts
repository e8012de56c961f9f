import { type Compiler, mustClang } from './clang.ts';
import { PRELUDE } from './preprocess.ts';

/**
 * Finds what is an ioctl number and what its argument type is: the header is preprocessed once more
 * with _IO, _IOR, _IOW and _IOWR replaced by a marker, so that the C preprocessor itself goes
 * through macros such as DRM_IOWR() or DRM_IOCTL_PANTHOR().
 */

const redefinitions = `#undef _IO
#undef _IOC
#undef _IOR
#undef _IOW
#undef _IOWR
#undef _IOR_BAD
#undef _IOW_BAD
#undef _IOWR_BAD
#define _IO(type, nr) UAPI_COMMAND ""
#define _IOC(direction, type, nr, size) UAPI_COMMAND #size
#define _IOR(type, nr, argument) UAPI_COMMAND #argument
#define _IOW(type, nr, argument) UAPI_COMMAND #argument
#define _IOWR(type, nr, argument) UAPI_COMMAND #argument
#define _IOR_BAD(type, nr, argument) UAPI_COMMAND #argument
#define _IOW_BAD(type, nr, argument) UAPI_COMMAND #argument
#define _IOWR_BAD(type, nr, argument) UAPI_COMMAND #argument
`;

const MACRO = /^uapi_macro_(\d+)\s+\(*\s*UAPI_COMMAND "([^"]*)"[\s)]*$/;
const ENUMERATOR = /\b(\w+)\s*=\s*\(*\s*UAPI_COMMAND "([^"]*)"[\s)]*[,}]/g;

/** 'sizeof(struct x)', given to _IOC, is the argument 'struct x'. */
function argumentOf(text: string): string | undefined {
  const [, operand] = /^sizeof\s*\((.*)\)$/.exec(text) ?? [];
  const argument = (operand ?? text).trim();
  return argument === '' || /^\d+$/.test(argument) ? undefined : argument;
}

/**
 * The argument types of all commands, by name, in the order of the header.
 *
 * @param macros names of the header's object-like macros
 */
export function findCommands(
  compiler: Compiler,
  header: string,
  macros: readonly string[],
): Map<string, string | undefined> {
  const probes = macros.map((name, index) => `uapi_macro_${index} ${name}`);
  const source = `${PRELUDE}${redefinitions}#include <${header}>\n${probes.join('\n')}\n`;
  const what = `looking for commands in ${header}`;
  const output = mustClang(compiler, 'wide', ['-E', '-P'], source, what).toString('latin1');
  const found = new Map<string, string | undefined>();
  for (const [, name = '', argument = ''] of output.matchAll(ENUMERATOR)) {
    found.set(name, argumentOf(argument));
  }
  for (const line of output.split('\n')) {
    const [, index, argument = ''] = MACRO.exec(line) ?? [];
    const name = macros[Number(index)];
    if (name !== undefined) found.set(name, argumentOf(argument));
  }
  return found;
}
