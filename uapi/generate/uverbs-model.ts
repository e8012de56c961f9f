import type { Compiler } from './clang.ts';
import { type Asker, evaluate } from './evaluate.ts';
import { GenerateError } from './generate-error.ts';
import type {
  AttributeSpec,
  CommandSpec,
  ElementSpec,
  SizeSpec,
  VerbsSpecs,
} from './uverbs-specs.ts';

/** The declarations with their numbers, which the compiler gives. */

export interface SizeModel {
  readonly minLength: number;
  readonly maxLength: number;
  readonly zeroTail: boolean;
  /** A struct's tag. */
  readonly struct: string | undefined;
}

export interface AttributeModel extends SizeModel {
  readonly name: string;
  readonly id: number;
  readonly kind: string;
  readonly access: string | undefined;
  readonly object: string | undefined;
  readonly mandatory: boolean;
  readonly elements: readonly (SizeModel & { readonly name: string })[] | undefined;
}

export interface MethodModel {
  /** The only one that has it. */
  readonly driver: string | undefined;
  readonly name: string;
  readonly id: number;
  readonly object: { readonly name: string; readonly id: number };
  readonly attributes: readonly AttributeModel[];
}

export interface CommandModel {
  readonly name: string;
  readonly id: number;
  readonly extended: boolean;
  readonly request: string;
  readonly response: string | undefined;
  readonly minRequest: number;
  readonly minResponse: number;
  readonly udata: boolean;
}

export interface VerbsModel {
  readonly methods: readonly MethodModel[];
  readonly commands: readonly CommandModel[];
}

/** What the expressions refer to: the uapi headers, and mlx5's commands, whose structs have a byte for a bit. */
const SOURCE = `
#include <linux/types.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/efa-abi.h>
#include <rdma/mlx5-abi.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <rdma/mlx5_user_ioctl_verbs.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
#define offsetofend(type, member) \\
  (__builtin_offsetof(type, member) + sizeof(((type *)0)->member))
#define DECLARE_FLEX_ARRAY(type, name) struct { struct {} empty_##name; type name[]; }
#define BIT(n) (1U << (n))
#define BIT_ULL(n) (1ULL << (n))
#include <mlx5_ifc.h>
#define MLX5_ST_SZ_BYTES(name) (sizeof(struct mlx5_ifc_##name##_bits) / 8)
#define MLX5_UN_SZ_BYTES(name) (sizeof(union mlx5_ifc_##name##_bits) / 8)
`;

/** Asks for all numbers at once. All structs of this interface are alike in both ABIs. */
export function evaluateVerbs(compiler: Compiler, specs: VerbsSpecs): VerbsModel {
  return evaluate(compiler, { wide: SOURCE, narrow: SOURCE }, (ask) => ({
    methods: specs.methods.map((method) => ({
      driver: method.driver,
      name: withoutPrefix(method.name, 'UVERBS_METHOD_'),
      id: number(ask, method.name),
      object: {
        name: withoutPrefix(method.object, 'UVERBS_OBJECT_'),
        id: number(ask, method.object),
      },
      attributes: method.attributes.map((attribute) => attributeModel(ask, attribute, specs)),
    })),
    commands: specs.commands.map((command) => commandModel(ask, command)),
  }));
}

function number(ask: Asker, expression: string): number {
  const { wide, narrow } = ask.value(expression);
  if (wide === narrow) return Number(wide);
  throw new GenerateError(`${expression} is ${wide} in the 64-bit ABI and ${narrow} in the other`);
}

function attributeModel(ask: Asker, spec: AttributeSpec, specs: VerbsSpecs): AttributeModel {
  return {
    name: withoutPrefix(spec.name, 'UVERBS_ATTR_'),
    id: number(ask, spec.name),
    kind: spec.kind,
    access: spec.access && withoutPrefix(spec.access, 'UVERBS_ACCESS_').toLowerCase(),
    object: objectName(spec.object),
    mandatory: spec.mandatory ?? false,
    elements: spec.elements === undefined ? undefined : elementModels(ask, spec.elements, specs),
    ...sizeModel(ask, spec),
  };
}

function elementModels(ask: Asker, name: string, specs: VerbsSpecs) {
  const elements = specs.elements.get(name);
  if (elements === undefined || elements.length === 0) {
    throw new GenerateError(`the elements ${name} of an enum attribute were not found`);
  }
  return elements.map((element: ElementSpec) => ({
    name: element.name,
    ...sizeModel(ask, element),
  }));
}

function sizeModel(ask: Asker, { min = '0', max = '0', zeroTail, type }: SizeSpec): SizeModel {
  return {
    minLength: number(ask, min),
    maxLength: number(ask, max),
    zeroTail: zeroTail ?? false,
    struct: type?.startsWith('struct ') ? structTag(type) : undefined,
  };
}

function structTag(type: string): string {
  return type.replace(/^struct\s+/, '');
}

/** UVERBS_IDR_ANY_OBJECT: the handler looks at the type itself. */
function objectName(object: string | undefined): string | undefined {
  if (object === undefined || object === 'UVERBS_IDR_ANY_OBJECT') return undefined;
  return withoutPrefix(object, 'UVERBS_OBJECT_');
}

function commandModel(ask: Asker, spec: CommandSpec): CommandModel {
  return {
    name: spec.name.replace(/^IB_USER_VERBS_(EX_)?CMD_/, '$1'),
    id: number(ask, spec.name),
    extended: spec.extended,
    request: structTag(spec.request),
    response: spec.response && structTag(spec.response),
    minRequest: number(ask, spec.minRequest),
    minResponse: number(ask, spec.minResponse ?? '0'),
    // Every extended command has a place for it: uverbs_main.c, ib_uverbs_write().
    udata: spec.extended || (spec.udata ?? false),
  };
}

function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}
