import { uverbsCommands } from '../../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../../uapi/headers/rdma/uverbs-methods.ts';
import type { UverbsMethod, WriteCommand } from '../../../uapi/rdma/description.ts';
import { plainName, type TracedFunction } from '../executed-functions.ts';
import type { Coverage } from './measurement.ts';

/** What user space can have the uverbs core do, and the kernel function that does it. */
export interface Handler {
  /** `method SRQ_CREATE`, `command EX_CREATE_CQ` */
  readonly name: string;
  readonly kind: 'method' | 'command';
  readonly functionName: string;
  readonly isExecuted: boolean;
}

/** UVERBS_HANDLER() of include/rdma/uverbs_ioctl.h makes the name. */
const METHOD = /^ib_uverbs_handler_UVERBS_METHOD_(\w+)$/;

/**
 * The handlers that this kernel has. Methods that only destroy share one handler in the kernel and
 * are not among them: see `succeededMethods`.
 */
export function handlersOf(functions: readonly TracedFunction[]): readonly Handler[] {
  const executed = new Map<string, boolean>();
  for (const { module, name, isExecuted } of functions) {
    if (module !== 'ib_uverbs') continue;
    executed.set(plainName(name), isExecuted || executed.get(plainName(name)) === true);
  }
  const handlers: Handler[] = [];
  for (const [functionName, isExecuted] of executed) {
    const method = METHOD.exec(functionName)?.[1];
    if (method === undefined) continue;
    handlers.push({ name: `method ${method}`, kind: 'method', functionName, isExecuted });
  }
  for (const { name } of Object.values(uverbsCommands)) {
    const functionName = commandFunction(name);
    const isExecuted = executed.get(functionName);
    if (isExecuted === undefined) continue;
    handlers.push({ name: `command ${name}`, kind: 'command', functionName, isExecuted });
  }
  return handlers.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Source: drivers/infiniband/core/uverbs_cmd.c, uverbs_def_write_intf */
function commandFunction(name: string): string {
  return `ib_uverbs_${name.toLowerCase()}`.replace(/_ind_tbl$/, '_ind_table');
}

/** Methods of the table, destroying ones too, that at least once did what was asked. */
export function succeededMethods({ methods }: Coverage): readonly UverbsMethod[] {
  const done = new Set(
    methods.filter((call) => call.succeeded).map(({ object, method }) => `${object}/${method}`),
  );
  const known: readonly UverbsMethod[] = Object.values(uverbsMethods);
  return known.filter(({ object, id }) => done.has(`${object.id}/${id}`));
}

/** Commands that at least once did what was asked, sent by write(2) as before Linux 4.20. */
export function succeededWrites({ written }: Coverage): readonly WriteCommand[] {
  const done = new Set(
    written
      .filter((call) => call.succeeded)
      .map(({ command, extended }) => `${command}/${extended}`),
  );
  const known: readonly WriteCommand[] = Object.values(uverbsCommands);
  return known.filter(({ id, extended }) => done.has(`${id}/${extended}`));
}
