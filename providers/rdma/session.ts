import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { closeDeviceFile, openDeviceFile } from '../../uapi/device-file.ts';

import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Device, OpenRequest, Session } from '../contract.ts';
import type { RdmaObject } from '../contract-verbs.ts';
import { driverData, method, room } from './call.ts';
import { allocAsyncEvents } from './completion-queue.ts';
import { Context, rdmaObject } from './context.ts';
import type { Part } from './driver.ts';
import { ibdevOf } from './ibdev.ts';
import { importer } from './import.ts';
import { createVerbs } from './verbs.ts';

/** No event file: of an adopted descriptor the opener has it. */
const NO_FILE = -1;

/** Opens the node and makes its context; a descriptor that only names the node has none. */
export function openSession(device: Device, part: Part, how: OpenRequest): CallOutcome<Session> {
  const opened = openDeviceFile(device.node, how);
  if (!opened.ok) return opened;
  const fd = opened.value;
  if (how.pathOnly === true) return { ok: true, value: { fd, close: () => closeDeviceFile(fd) } };
  const context = new Context(fd, part, ibdevOf(device));
  const events = getContext(context);
  if (!events.ok) {
    tryClose(fd);
    return events;
  }
  return { ok: true, value: sessionOf(context, events.value) };
}

/** A session over a descriptor whose context somebody else has made. */
export function adoptSession(device: Device, part: Part, fd: number): Session {
  const context = new Context(fd, part, ibdevOf(device), 'invoke');
  return sessionOf(context, rdmaObject('async-events', NO_FILE));
}

/** Gives the file of asynchronous events. */
function getContext(context: Context): CallOutcome<RdmaObject> {
  const data = driverData(context, 'context', {});
  const made = method(
    context,
    uverbsMethods.GET_CONTEXT,
    { GET_CONTEXT_NUM_COMP_VECTORS: room(4), GET_CONTEXT_CORE_SUPPORT: room(8) },
    data,
  );
  if (!made.ok) return made;
  context.driverAnswer = made.value.driver;
  return allocAsyncEvents(context);
}

function sessionOf(context: Context, events: RdmaObject): Session {
  const { fd } = context;
  return {
    fd,
    verbs: createVerbs(context, events),
    ...importer(context),
    ...(events.handle !== NO_FILE && { otherFds: { events: events.handle } }),
    close() {
      context.close();
      if (events.handle !== NO_FILE) tryClose(events.handle);
      return closeDeviceFile(fd);
    },
  };
}
