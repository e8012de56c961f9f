import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { closeDeviceFile, openDeviceFile } from '../../uapi/device-file.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Device, OpenRequest, Session } from '../contract.ts';
import { command } from './call.ts';
import { eventFile } from './completion-queue.ts';
import { Context, rdmaObject } from './context.ts';
import { NO_DRIVER_DATA, type Part } from './driver.ts';
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
  const asyncFd = getContext(context);
  if (!asyncFd.ok) {
    tryClose(fd);
    return asyncFd;
  }
  return { ok: true, value: sessionOf(context, asyncFd.value) };
}

/** A session over a descriptor whose context somebody else has made. */
export function adoptSession(device: Device, part: Part, fd: number): Session {
  return sessionOf(new Context(fd, part, ibdevOf(device)), NO_FILE);
}

function ibdevOf({ address }: Device): string {
  return address.slice(address.indexOf('@') + 1);
}

function getContext(context: Context): CallOutcome<number> {
  const answer = command(context, {
    name: 'GET_CONTEXT',
    id: h.IB_USER_VERBS_CMD_GET_CONTEXT,
    request: h.ib_uverbs_get_context.make(),
    responseSize: h.ib_uverbs_get_context_resp.size,
    driver: context.part.driverData?.('context', {}) ?? NO_DRIVER_DATA,
  });
  if (!answer.ok) return answer;
  return { ok: true, value: h.ib_uverbs_get_context_resp.get(answer.value.response, 'async_fd') };
}

function sessionOf(context: Context, asyncFd: number): Session {
  const { fd } = context;
  const events =
    asyncFd === NO_FILE ? rdmaObject('async-events', NO_FILE) : eventFile('async-events', asyncFd);
  return {
    fd,
    verbs: createVerbs(context, events),
    close() {
      context.close();
      if (asyncFd !== NO_FILE) tryClose(asyncFd);
      return closeDeviceFile(fd);
    },
  };
}
