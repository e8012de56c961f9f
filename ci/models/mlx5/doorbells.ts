import type { DataPath } from './data-path.ts';
import { UAR_BYTES } from './limits.ts';
import type { Objects } from './objects.ts';
import type { PacketPath } from './packet-path.ts';

/** Registers in a page (UAR). Source: include/linux/mlx5/device.h, MLX5_BF_OFFSET; core/lib/eq.h, eq_update_ci() */
const CQ_DOORBELL = 0x20;
const EQ_ARM = 0x40;
const EQ_UPDATE = 0x48;
const WORK = 0x800;
/** To the end there are four, each in two halves that take turns. Source: log_bf_reg_size of the capabilities */
const WORK_BYTES = 0x100;

const NUMBER_MASK = 0xff_ffff;
const QPN_SHIFT = 8;
const EQN_SHIFT = 24;

/** Who does what is asked for. */
export interface Paths {
  readonly objects: Objects;
  readonly dataPath: DataPath;
  readonly packetPath: PacketPath;
}

/** Somebody wrote to a page of doorbells; those of objects that have another page are not heard. */
export function ringDoorbell(paths: Paths, offset: number, data: Buffer): void {
  const { objects } = paths;
  const page = Math.floor(offset / UAR_BYTES);
  const at = offset % UAR_BYTES;
  if (data.length < 4) return;
  if (at === EQ_ARM || at === EQ_UPDATE) {
    const value = data.readUInt32BE(0);
    objects.eqs.get(value >>> EQN_SHIFT)?.update(value & NUMBER_MASK, at === EQ_ARM);
  }
  // Doorbells are two words, of which the second may come alone; the first is in a record too.
  const second = data.length >= 8 ? 0 : 4;
  const number = data.readUInt32BE(4 - second);
  if (at === CQ_DOORBELL + second) armCq(objects, page, number, data);
  else if (at >= WORK && at % WORK_BYTES === second) {
    ringSends(paths, page, number >>> QPN_SHIFT);
  }
}

/** QPs and SQs have numbers of one space. */
function ringSends({ objects, dataPath, packetPath }: Paths, page: number, number: number): void {
  const qp = objects.qps.get(number);
  if (qp?.get('uar_page') === page) dataPath.ring(qp);
  const sq = objects.sqs.get(number);
  if (sq?.uar === page) packetPath.ring(sq);
}

function armCq({ cqs }: Objects, page: number, number: number, data: Buffer): void {
  const cq = cqs.get(number & NUMBER_MASK);
  if (cq?.uar === page) cq.arm(data.length >= 8 ? data.readUInt32BE(0) : cq.armRecord);
}
