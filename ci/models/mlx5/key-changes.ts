import * as h from './headers/ifc.ts';
import type { Accessor, KeyedMemory } from './keyed-memory.ts';
import { ANY_QP, indexOf, klmsIn, type MemoryKey, OCTOWORD_BYTES, spanAt } from './memory-keys.ts';
import type { Objects } from './objects.ts';
import type { QueuePair } from './queue-pairs.ts';
import { DONE } from './verdict.ts';
import type { Work } from './work-requests.ts';

/**
 * Requests that change memory keys (UMR): a mask says what of the key's context is new, and translations
 * may come along. Source: include/linux/mlx5/qp.h, struct mlx5_wqe_umr_ctrl_seg, and device.h
 */
const FLAGS = 0;
const TRANSLATIONS = 4;
const TRANSLATION_OFFSET = 6;
const MASK = 8;
const TRANSLATION_OFFSET_HIGH = 16;
const KEY = 48;
const LIST = KEY + h.mkc.sizeBytes;

/** MLX5_UMR_…; the first has a name in rdma-core alone (mlx5dv.h). */
const FLAG = { ofThisQp: 8, hasOffset: 16, ofFree: 32, ofUsed: 64, isInline: 128 } as const;

type KeyField = Parameters<typeof h.mkc.get>[1];

/** MLX5_MKEY_MASK_…, by its bits */
const MASKED: readonly (readonly [number, readonly KeyField[]])[] = [
  [0, ['length64']],
  [1, ['log_page_size']],
  [7, ['pd']],
  [8, ['en_rinval']],
  [13, ['mkey_7_0']],
  [14, ['qpn']],
  [17, ['lr']],
  [18, ['lw']],
  [19, ['rr']],
  [20, ['rw']],
  [21, ['a']],
  [29, ['free']],
];
const MASKED_WIDE = [
  [0, 'len'],
  [6, 'start_addr'],
] as const;
const PD_BIT = 7;
const VARIANT_BIT = 13;

const REFUSED = h.MLX5_CQE_SYNDROME_MW_BIND_ERR;

type Change = Extract<Work, { kind: 'change' }>;

/** What changes keys of other domains is the kernel's own QP for it. */
export function changeKey(
  objects: Objects,
  memory: KeyedMemory,
  qp: QueuePair,
  { key, body }: Change,
): number {
  if (body.length < LIST) return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
  const found = objects.keys.get(indexOf(key));
  const mask = body.readBigUInt64BE(MASK);
  if (found === undefined || !mayChange(qp, found, key, body.readUInt8(FLAGS), mask))
    return REFUSED;
  const list = translationsIn(memory, qp, body);
  if (list === undefined) return h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
  const wanted = body.subarray(KEY, LIST);
  if (found.isList && !mayBind(memory, qp, list, wanted)) return REFUSED;
  if (list.length > 0 && !found.translate(list, offsetIn(body))) return REFUSED;
  applyMask(found, wanted, mask);
  return DONE;
}

const has = (mask: bigint, bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;

function mayChange(
  qp: QueuePair,
  found: MemoryKey,
  key: number,
  flags: number,
  mask: bigint,
): boolean {
  if (h.mkc.get(found.context, 'umr_en') === 0) return false;
  // A new variant is named already where the request brings it.
  if (found.key !== key && !has(mask, VARIANT_BIT)) return false;
  if (!qp.isForKeys && !isOwn(qp, found, mask)) return false;
  if ((flags & FLAG.ofThisQp) !== 0 && found.qpn !== qp.number) return false;
  if ((flags & FLAG.ofFree) !== 0 && !found.isFree) return false;
  return (flags & FLAG.ofUsed) === 0 || !found.isFree;
}

/** Who has no bit for it says nothing of pages, only of memory that keys give. Source: qp.c, _create_kernel_qp() */
function isOwn(qp: QueuePair, found: MemoryKey, mask: bigint): boolean {
  if (found.pd !== qp.pd || has(mask, PD_BIT)) return false;
  return found.isList || qp.get('fre') === 1;
}

/** Where in the table the list goes, in bytes; 48 bits of octowords. Source: umr.c, mlx5r_umr_update_offset() */
function offsetIn(body: Buffer): number {
  if ((body.readUInt8(FLAGS) & FLAG.hasOffset) === 0) return 0;
  const high = body.readUInt32BE(TRANSLATION_OFFSET_HIGH);
  return (high * 2 ** 16 + body.readUInt16BE(TRANSLATION_OFFSET)) * OCTOWORD_BYTES;
}

/** IBTA, section 10.6.7.2: who may write there may so himself. That it is looked at so early is a guess, and that pages may be missing. */
function mayBind(memory: KeyedMemory, qp: QueuePair, list: Buffer, wanted: Buffer): boolean {
  const writes = h.mkc.get(wanted, 'rw') === 1 || h.mkc.get(wanted, 'a') === 1;
  return memory.canReach(qp, klmsIn(list), writes ? 'lw' : 'lr') !== false;
}

/** In the request, or where its last piece is. */
function translationsIn(memory: KeyedMemory, qp: QueuePair, body: Buffer): Buffer | undefined {
  const bytes = body.readUInt16BE(TRANSLATIONS) * OCTOWORD_BYTES;
  const rest = body.subarray(LIST);
  if ((body.readUInt8(FLAGS) & FLAG.isInline) !== 0) return rest.subarray(0, bytes);
  if (bytes === 0 || rest.length < OCTOWORD_BYTES) return Buffer.alloc(0);
  const all = memory.gather(qp, [spanAt(rest, 0)], 'lr');
  return Buffer.isBuffer(all) ? all.subarray(0, bytes) : undefined;
}

function applyMask(found: MemoryKey, wanted: Buffer, mask: bigint): void {
  for (const [bit, fields] of MASKED) {
    if (!has(mask, bit)) continue;
    for (const field of fields) h.mkc.set(found.context, field, h.mkc.get(wanted, field));
  }
  for (const [bit, field] of MASKED_WIDE) {
    if (has(mask, bit)) h.mkc.setBig(found.context, field, h.mkc.big(wanted, field));
  }
}

/** Whether a message may take a key away: one that was made for it, of that domain, for that QP. */
export function isInvalidatable({ keys }: Objects, who: Accessor, key: number): boolean {
  const found = keys.get(indexOf(key));
  if (found?.key !== key || found.isFree || h.mkc.get(found.context, 'en_rinval') === 0)
    return false;
  return found.pd === who.pd && (found.qpn === ANY_QP || found.qpn === who.number);
}

export function invalidateRemotely({ keys }: Objects, key: number): void {
  const found = keys.get(indexOf(key));
  if (found !== undefined) h.mkc.set(found.context, 'free', 1);
}
