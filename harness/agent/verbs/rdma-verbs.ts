import { cm, cmEvent, cmOpen } from './cm.ts';
import { addDevice, removeDevice, setPort } from './plug.ts';
import { armCq, pollCq } from './rdma-completions.ts';
import { attachCompCntr, modifyCompCntr, queryCompCntrCaps } from './rdma-counters.ts';
import { readEvent } from './rdma-events.ts';
import { frame } from './rdma-flow.ts';
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
import { connect, modify, modifySrq, modifyWq } from './rdma-qp.ts';
import {
  infoHandles,
  query,
  queryCharDevice,
  queryDevice,
  queryGid,
  queryGidTable,
  queryPort,
  queryPortSpeed,
} from './rdma-queries.ts';
import { uverbs, uverbsWrite } from './uverbs.ts';

/** Verbs of RDMA devices. Their headers are large, so they are loaded only where they are used. */
export const RDMA_VERBS = {
  create,
  destroy,
  query,
  queryDevice,
  queryPort,
  queryPortSpeed,
  queryGid,
  queryGidTable,
  queryCharDevice,
  infoHandles,
  removeDevice,
  addDevice,
  setPort,
  modify,
  modifySrq,
  modifyWq,
  reregister,
  adviseMr,
  resizeCq,
  modifyCompCntr,
  attachCompCntr,
  queryCompCntrCaps,
  frame,
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
};
