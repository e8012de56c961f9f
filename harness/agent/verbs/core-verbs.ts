import { interrupt, join, sleep } from './background.ts';
import { aligned, atLeast, different, equal } from './check.ts';
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
import { submitCopy, submitFill, transfer, waitJob } from './job.ts';
import { advise, map, memory, move, protect, remap, unmap } from './mapping.ts';
import { process } from './process.ts';
import { repeat } from './repeat.ts';
import { fileSignals, takeSignal } from './signal.ts';
import { exportSyncFile, fenceInfo, importSyncFile, merge, sync } from './sync.ts';
import { eventfd, load, store } from './word.ts';

/** Verbs of buffers, descriptors and fences, and those that every case may use. */
export const CORE_VERBS = {
  advise,
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
  eventfd,
  export: exportDmabuf,
  exportSyncFile,
  fdFlags,
  fdInfo,
  fenceInfo,
  fileSignals,
  fill,
  free,
  import: importDmabuf,
  importSyncFile,
  interrupt,
  ioctl,
  join,
  load,
  map,
  memory,
  merge,
  move,
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
  sleep,
  stat,
  store,
  submitCopy,
  submitFill,
  sync,
  takeSignal,
  touch,
  transfer,
  truncate,
  unmap,
  waitJob,
  writeFd,
};
