import type { Move, Rect } from './geometry.ts';

/**
 * What the device reads, as QEMU and SPICE define it. All structs are packed, and all offsets here
 * count from behind the `release_info` that the kernel puts in front of a command.
 * Source: drivers/gpu/drm/qxl/qxl_dev.h, struct qxl_drawable and what it holds
 */

/** enum qxl_cmd_type */
export const QXL_CMD_DRAW = 1;

/** union qxl_release_info: what offsets of relocations include and commands do not. */
export const RELEASE_INFO_BYTES = 8;

/** Where relocations put surface ids and addresses. */
export const DRAWABLE_SURFACE_ID = 0;
export const DRAWABLE_SURFACES_DEST = 55;
export const DRAWABLE_COPY_SOURCE = 115;

const DRAWABLE = {
  size: 183,
  effect: 4,
  type: 5,
  bbox: 23,
  surfacesDest: DRAWABLE_SURFACES_DEST,
  surfacesRects: 67,
  operation: DRAWABLE_COPY_SOURCE,
};

/** enum qxl_effect_type: the drawing replaces all that was in its box. */
const QXL_EFFECT_OPAQUE = 1;
const QXL_DRAW_FILL = 1;
const QXL_DRAW_COPY = 3;
const QXL_COPY_BITS = 4;
const SPICE_BRUSH_TYPE_SOLID = 1;
/** enum SpiceRopd: the result is the source. */
const SPICE_ROPD_OP_PUT = 8;
const NO_SURFACE = -1;

/** struct qxl_fill: brush type, its colour, then behind the brush (20 bytes) what is done with it. */
export function fillPacket(rect: Rect, value: number): Buffer {
  const packet = drawable(QXL_DRAW_FILL, rect);
  const at = DRAWABLE.operation;
  packet.writeUInt32LE(SPICE_BRUSH_TYPE_SOLID, at);
  packet.writeUInt32LE(value >>> 0, at + 4);
  packet.writeUInt16LE(SPICE_ROPD_OP_PUT, at + 20);
  return packet;
}

/** struct qxl_copy_bits: within one surface. */
export function copyBitsPacket({ target, source }: Move): Buffer {
  const packet = drawable(QXL_COPY_BITS, target);
  packet.writeInt32LE(source.left, DRAWABLE.operation);
  packet.writeInt32LE(source.top, DRAWABLE.operation + 4);
  return packet;
}

/**
 * struct qxl_copy: from an image, whose address a relocation puts in. That the image is a surface,
 * which must be drawn up to here, is said by the first of `surfaces_dest`.
 */
export function copyPacket({ target, source }: Move): Buffer {
  const packet = drawable(QXL_DRAW_COPY, target);
  writeRect(packet, DRAWABLE.surfacesRects, source);
  writeRect(packet, DRAWABLE.operation + 8, source);
  packet.writeUInt16LE(SPICE_ROPD_OP_PUT, DRAWABLE.operation + 24);
  return packet;
}

function drawable(type: number, bbox: Rect): Buffer {
  const packet = Buffer.alloc(DRAWABLE.size);
  packet[DRAWABLE.effect] = QXL_EFFECT_OPAQUE;
  packet[DRAWABLE.type] = type;
  writeRect(packet, DRAWABLE.bbox, bbox);
  for (const index of [0, 1, 2]) {
    packet.writeInt32LE(NO_SURFACE, DRAWABLE.surfacesDest + 4 * index);
  }
  return packet;
}

/** struct qxl_rect */
function writeRect(packet: Buffer, at: number, { top, left, bottom, right }: Rect): void {
  for (const [index, edge] of [top, left, bottom, right].entries()) {
    packet.writeInt32LE(edge, at + 4 * index);
  }
}

/** enum SpiceImageType */
const SPICE_IMAGE_TYPE_SURFACE = 104;
/** struct qxl_image with a struct qxl_surface_id, which a relocation puts in. */
export const IMAGE_SURFACE_ID = 18;
const IMAGE_BYTES = 22;

/** An image that is a whole surface. */
export function surfaceImage(width: number, height: number): Buffer {
  const image = Buffer.alloc(IMAGE_BYTES);
  image[8] = SPICE_IMAGE_TYPE_SURFACE;
  image.writeUInt32LE(width, 10);
  image.writeUInt32LE(height, 14);
  return image;
}
