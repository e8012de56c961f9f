import { place, widePlace } from '../bits.ts';
import { must, mustBeIdle, mustFind } from '../refusal.ts';
import type { Answer } from './command-queue.ts';
import {
  ERDMA_CMD_ALLOC_DB_RESP_CDB_MASK,
  ERDMA_CMD_ALLOC_DB_RESP_RDB_MASK,
  ERDMA_CMD_ALLOC_DB_RESP_SDB_MASK,
  ERDMA_CMD_EXT_DB_CQ_EN_MASK,
  ERDMA_CMD_EXT_DB_RQ_EN_MASK,
  ERDMA_CMD_EXT_DB_SQ_EN_MASK,
  erdma_cmdq_ext_db_req,
} from './headers/erdma-hw.ts';
import { FIRST_EXTENDED_PAGE, FUNCTION_BAR_BYTES, PAGE_BYTES } from './limits.ts';
import type { DoorbellPages, Objects } from './objects.ts';

const PAGES_EACH = 3;
const END_PAGE = FUNCTION_BAR_BYTES / PAGE_BYTES;

const ALL_KINDS =
  place(1, ERDMA_CMD_EXT_DB_CQ_EN_MASK) |
  place(1, ERDMA_CMD_EXT_DB_RQ_EN_MASK) |
  place(1, ERDMA_CMD_EXT_DB_SQ_EN_MASK);

/** Pages of a new process. That all three kinds are wanted at once is what the driver does. */
export function allocDoorbells({ doorbellPages }: Objects, entry: Buffer): Answer {
  const cfg = erdma_cmdq_ext_db_req.get(entry, 'cfg');
  must(cfg === ALL_KINDS, `doorbells of kinds ${cfg}`);
  let send = FIRST_EXTENDED_PAGE;
  while (doorbellPages.has(send)) send += PAGES_EACH;
  must(send + PAGES_EACH <= END_PAGE, 'doorbells of one more process');
  const pages = { send, receive: send + 1, completion: send + 2, users: 0 };
  doorbellPages.set(send, pages);
  const answer =
    widePlace(pages.send, ERDMA_CMD_ALLOC_DB_RESP_SDB_MASK) |
    widePlace(pages.receive, ERDMA_CMD_ALLOC_DB_RESP_RDB_MASK) |
    widePlace(pages.completion, ERDMA_CMD_ALLOC_DB_RESP_CDB_MASK);
  return [answer, 0n];
}

export function freeDoorbells(objects: Objects, entry: Buffer): void {
  const { sdb_off, rdb_off, cdb_off } = erdma_cmdq_ext_db_req.decode(entry);
  const pages = mustFind(objects.doorbellPages.get(sdb_off), `page ${sdb_off} of doorbells`);
  must(pages.receive === rdb_off && pages.completion === cdb_off, 'pages that do not go together');
  mustBeIdle(pages, `page ${sdb_off} of doorbells`);
  objects.doorbellPages.delete(sdb_off);
}

/** The pages of the process that has this one. @throws Refusal where it is nobody's */
export function findPages(
  { doorbellPages }: Objects,
  kind: 'send' | 'receive' | 'completion',
  page: number,
): DoorbellPages {
  const offset = { send: 0, receive: 1, completion: 2 }[kind];
  return mustFind(doorbellPages.get(page - offset), `page ${page} of ${kind} doorbells`);
}

/** Whose page that is, of whatever kind. */
export function pagesAt({ doorbellPages }: Objects, page: number): DoorbellPages | undefined {
  const offset = (page - FIRST_EXTENDED_PAGE) % PAGES_EACH;
  return doorbellPages.get(page - offset);
}
