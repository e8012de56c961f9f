import t from 'tap';
import { PageList, pagesOf } from '../page-list.ts';
import { PageListError, readChunkedList, readDirectList } from './page-list.ts';

t.test('a page list stands for addresses in a row', async (t) => {
  t.equal(pagesOf(0x1ff0n, 0x20, 12), 2);
  t.equal(pagesOf(0x1000n, 0x1000, 12), 1);
  const list = new PageList([0x70000n, 0x30000n, 0x50000n], 12, 0x1ff0n);
  t.same(
    [...list.pieces(0, 0x1020)],
    [
      { address: 0x70ff0, length: 0x10 },
      { address: 0x30000, length: 0x1000 },
      { address: 0x50000, length: 0x10 },
    ],
  );
  t.same([...list.pieces(0x11, 4)], [{ address: 0x30001, length: 4 }]);
});

/** Memory made of a few buffers. */
function memoryOf(blocks: Readonly<Record<number, Buffer>>) {
  return (address: number, length: number): Buffer | undefined => {
    for (const [start, block] of Object.entries(blocks)) {
      const at = address - Number(start);
      if (at >= 0 && at + length <= block.length) return block.subarray(at, at + length);
    }
    return undefined;
  };
}

t.test('a direct page list is as long as the region is', async (t) => {
  const list = Buffer.alloc(24);
  for (const i of [0, 1, 2]) list.writeBigUInt64LE(BigInt(i + 1) << 12n, i * 8);
  const read = memoryOf({ 32768: list });
  const pages = readDirectList(read, { address: 0x8000, length: 24 }, 3);
  t.same(pages, [0x1000n, 0x2000n, 0x3000n]);
  t.throws(() => readDirectList(read, { address: 0x8000, length: 16 }, 3), PageListError);
  t.throws(() => readDirectList(read, { address: 0x9000, length: 24 }, 3), PageListError);
});

/** As pbl_chunk_list_create() makes it: chunks of 510 pointers to pieces of 512 pages. */
function chunkedList(count: number) {
  const blocks: Record<number, Buffer> = {};
  const pieces = Math.ceil(count / 512);
  for (let piece = 0; piece < pieces; piece++) {
    const bytes = Buffer.alloc(4096);
    for (let i = 0; i < 512; i++) {
      const page = piece * 512 + i;
      if (page < count) bytes.writeBigUInt64LE(BigInt(page) << 12n, i * 8);
    }
    blocks[0x1000_0000 + piece * 4096] = bytes;
  }
  const chunks = Math.ceil(pieces / 510);
  const lengthOf = (chunk: number) => Math.min(510, pieces - chunk * 510) * 8 + 12;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const bytes = Buffer.alloc(lengthOf(chunk));
    for (let i = 0; i < (bytes.length - 12) / 8; i++) {
      bytes.writeBigUInt64LE(BigInt(0x1000_0000 + (chunk * 510 + i) * 4096), i * 8);
    }
    if (chunk < chunks - 1) {
      bytes.writeUInt32LE(lengthOf(chunk + 1), bytes.length - 12);
      bytes.writeBigUInt64LE(BigInt(0x2000_0000 + (chunk + 1) * 4096), bytes.length - 8);
    }
    blocks[0x2000_0000 + chunk * 4096] = bytes;
  }
  return { read: memoryOf(blocks), first: { address: 0x2000_0000, length: lengthOf(0) } };
}

t.test('a chunked page list is followed to its end', async (t) => {
  for (const count of [5, 512, 513, 510 * 512, 510 * 512 + 1]) {
    const { read, first } = chunkedList(count);
    const pages = readChunkedList(read, first, count);
    t.equal(pages.length, count);
    t.equal(pages.at(-1), BigInt(count - 1) << 12n);
  }
  const { read, first } = chunkedList(513);
  t.throws(() => readChunkedList(read, { ...first, length: 12 }, 513), PageListError);
  t.throws(() => readChunkedList(read, first, 2000), PageListError, 'a list that ends too early');
});
