import { part, widePlace } from '../bits.ts';
import { must } from '../refusal.ts';
import type { Answer } from './command-queue.ts';
import {
  ERDMA_CMD_CONFIG_DEVICE_PGSHIFT_MASK,
  ERDMA_CMD_CONFIG_DEVICE_PS_EN_MASK,
  ERDMA_CMD_DEV_CAP_DEFAULT_CC_MASK,
  ERDMA_CMD_DEV_CAP_DMA_LOCAL_KEY_MASK,
  ERDMA_CMD_DEV_CAP_FLAGS_MASK,
  ERDMA_CMD_DEV_CAP_MAX_AH_MASK,
  ERDMA_CMD_DEV_CAP_MAX_CQE_MASK,
  ERDMA_CMD_DEV_CAP_MAX_GID_MASK,
  ERDMA_CMD_DEV_CAP_MAX_MR_SIZE_MASK,
  ERDMA_CMD_DEV_CAP_MAX_MW_MASK,
  ERDMA_CMD_DEV_CAP_MAX_RECV_WR_MASK,
  ERDMA_CMD_DEV_CAP_QBLOCK_MASK,
  ERDMA_CMD_INFO0_FW_VER_MASK,
  erdma_cmdq_config_device_req,
  erdma_cmdq_config_mtu_req,
} from './headers/erdma-hw.ts';
import {
  CAPABILITY_FLAGS,
  CONGESTION_CONTROL,
  EXPONENTS,
  FIRMWARE_VERSION,
  LIMITS,
  PAGE_BYTES,
} from './limits.ts';
import type { Objects } from './objects.ts';

/** Source: erdma_main.c, erdma_dev_attrs_init() */
export function queryDevice(): Answer {
  const first =
    widePlace(EXPONENTS.maxGid, ERDMA_CMD_DEV_CAP_MAX_GID_MASK) |
    widePlace(EXPONENTS.maxCqe, ERDMA_CMD_DEV_CAP_MAX_CQE_MASK) |
    widePlace(CAPABILITY_FLAGS, ERDMA_CMD_DEV_CAP_FLAGS_MASK) |
    widePlace(EXPONENTS.maxRecvWr, ERDMA_CMD_DEV_CAP_MAX_RECV_WR_MASK) |
    widePlace(EXPONENTS.maxAh, ERDMA_CMD_DEV_CAP_MAX_AH_MASK) |
    widePlace(EXPONENTS.maxMrSize, ERDMA_CMD_DEV_CAP_MAX_MR_SIZE_MASK);
  const second =
    widePlace(LIMITS.localDmaKey, ERDMA_CMD_DEV_CAP_DMA_LOCAL_KEY_MASK) |
    widePlace(CONGESTION_CONTROL, ERDMA_CMD_DEV_CAP_DEFAULT_CC_MASK) |
    widePlace(LIMITS.queuePairBlocks, ERDMA_CMD_DEV_CAP_QBLOCK_MASK) |
    widePlace(EXPONENTS.maxMw, ERDMA_CMD_DEV_CAP_MAX_MW_MASK);
  return [first, second];
}

export function queryFirmware(): Answer {
  return [widePlace(FIRMWARE_VERSION, ERDMA_CMD_INFO0_FW_VER_MASK), 0n];
}

/** The size of a process's doorbell page: x86 has one. */
export function configureDevice(entry: Buffer): void {
  const cfg = erdma_cmdq_config_device_req.get(entry, 'cfg');
  const shift = part(cfg, ERDMA_CMD_CONFIG_DEVICE_PGSHIFT_MASK);
  const isGiven = part(cfg, ERDMA_CMD_CONFIG_DEVICE_PS_EN_MASK) === 1;
  must(!isGiven || 2 ** shift === PAGE_BYTES, `pages of 2 ** ${shift} bytes`);
}

/** Least and most that a net device can have here: a guess. */
const MTUS = { least: 68, most: 65535 };

export function configureMtu(objects: Objects, entry: Buffer): void {
  const mtu = erdma_cmdq_config_mtu_req.get(entry, 'mtu');
  must(mtu >= MTUS.least && mtu <= MTUS.most, `an MTU of ${mtu}`);
  objects.mtu = mtu;
}
