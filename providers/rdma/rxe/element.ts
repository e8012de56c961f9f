/**
 * Where an element of a queue is put together before it is copied into the queue. The view writes
 * the same bytes as the buffer, several times as fast, which shows in the latency of every job.
 */
export interface Element {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function element(sizeBytes: number): Element {
  const bytes = Buffer.alloc(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}
