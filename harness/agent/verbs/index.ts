import type { Verb, VerbHandler } from '../verb.ts';
import { aligned, atLeast, different, equal } from './check.ts';
import { cm, cmEvent, cmOpen } from './cm.ts';
import { bytes, fill, touch } from './content.ts';
import {
  allocateFd,
  dup,
  fdFlags,
  fdInfo,
  openFds,
  pass,
  pipe,
  poll,
  readFd,
  seek,
  stat,
  truncate,
  writeFd,
} from './descriptor.ts';
import {
  alloc,
  attachFence,
  close,
  exportDmabuf,
  free,
  importDmabuf,
  open,
  register,
  signalFence,
} from './device.ts';
import { ioctl } from './ioctl.ts';
import { map, memory, protect, remap, unmap } from './mapping.ts';
import { process } from './process.ts';
import { armCq, pollCq } from './rdma-completions.ts';
import { readEvent } from './rdma-events.ts';
import { postReceive, postSend } from './rdma-jobs.ts';
import { adviseMr } from './rdma-memory.ts';
import {
  attachMulticast,
  create,
  destroy,
  detachMulticast,
  reregister,
  resizeCq,
} from './rdma-objects.ts';
import { connect, modify, modifySrq } from './rdma-qp.ts';
import {
  infoHandles,
  query,
  queryDevice,
  queryGid,
  queryGidTable,
  queryPort,
} from './rdma-queries.ts';
import { repeat } from './repeat.ts';
import { exportSyncFile, fenceInfo, importSyncFile, merge, sync } from './sync.ts';
import { uverbs, uverbsWrite } from './uverbs.ts';

/** Every verb of the case language; the type makes the schema and this table agree. */
export const VERBS: { readonly [V in Verb]: VerbHandler<V> } = {
  create,
  destroy,
  query,
  queryDevice,
  queryPort,
  queryGid,
  queryGidTable,
  infoHandles,
  modify,
  modifySrq,
  reregister,
  adviseMr,
  resizeCq,
  attachMulticast,
  detachMulticast,
  connect,
  postSend,
  postReceive,
  pollCq,
  armCq,
  readEvent,
  uverbs,
  uverbsWrite,
  cmOpen,
  cm,
  cmEvent,
  aligned,
  alloc,
  allocateFd,
  atLeast,
  attachFence,
  bytes,
  close,
  different,
  dup,
  equal,
  export: exportDmabuf,
  exportSyncFile,
  fdFlags,
  fdInfo,
  fenceInfo,
  fill,
  free,
  import: importDmabuf,
  importSyncFile,
  ioctl,
  map,
  memory,
  merge,
  open,
  openFds,
  pass,
  pipe,
  poll,
  process,
  protect,
  readFd,
  register,
  remap,
  repeat,
  seek,
  signalFence,
  stat,
  sync,
  touch,
  truncate,
  unmap,
  writeFd,
};
