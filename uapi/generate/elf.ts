import { GenerateError } from './generate-error.ts';

/**
 * Reads constant data out of a relocatable ELF object (little-endian, 32 or 64 bit).
 * Source: include/uapi/linux/elf.h, Elf32_Shdr, Elf64_Shdr, Elf32_Sym, Elf64_Sym
 */

const ELFCLASS64 = 2;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** For a symbol table, the index of the section with its names. */
  readonly link: number;
}

interface ElfSymbol {
  readonly name: string;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

class ElfObject {
  readonly #bytes: Buffer;
  readonly #wide: boolean;

  constructor(bytes: Buffer) {
    if (bytes.readUInt32BE(0) !== 0x7f454c46) throw new GenerateError('clang wrote no ELF object');
    this.#bytes = bytes;
    this.#wide = bytes[4] === ELFCLASS64;
  }

  /** An address-sized number. */
  #word(at: number): number {
    return this.#wide ? Number(this.#bytes.readBigUInt64LE(at)) : this.#bytes.readUInt32LE(at);
  }

  sections(): Section[] {
    const start = this.#word(this.#wide ? 0x28 : 0x20);
    const count = this.#bytes.readUInt16LE(this.#wide ? 0x3c : 0x30);
    const stride = this.#wide ? 64 : 40;
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * stride;
      return {
        type: this.#bytes.readUInt32LE(at + 4),
        offset: this.#word(at + (this.#wide ? 24 : 16)),
        size: this.#word(at + (this.#wide ? 32 : 20)),
        link: this.#bytes.readUInt32LE(at + (this.#wide ? 40 : 24)),
      };
    });
  }

  *symbols(table: Section, names: Section): Generator<ElfSymbol> {
    const stride = this.#wide ? 24 : 16;
    for (let at = table.offset; at < table.offset + table.size; at += stride) {
      const start = names.offset + this.#bytes.readUInt32LE(at);
      yield {
        name: this.#bytes.toString('latin1', start, this.#bytes.indexOf(0, start)),
        section: this.#bytes.readUInt16LE(at + (this.#wide ? 6 : 14)),
        value: this.#word(at + (this.#wide ? 8 : 4)),
        size: this.#word(at + (this.#wide ? 16 : 8)),
      };
    }
  }
}

/** The bytes of each data symbol by name. */
export function readSymbols(object: Buffer): Map<string, Buffer> {
  const elf = new ElfObject(object);
  const sections = elf.sections();
  const result = new Map<string, Buffer>();
  for (const table of sections.filter(({ type }) => type === SHT_SYMTAB)) {
    const names = sections[table.link];
    if (!names) continue;
    for (const { name, section, value, size } of elf.symbols(table, names)) {
      const home = sections[section];
      if (!home || size === 0) continue;
      const start = home.offset + value;
      const absent = home.type === SHT_NOBITS;
      result.set(name, absent ? Buffer.alloc(size) : object.subarray(start, start + size));
    }
  }
  return result;
}
