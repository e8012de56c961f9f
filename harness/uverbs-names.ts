import type { AnyStruct } from '../uapi/description.ts';
import { description as mlx5 } from '../uapi/headers/rdma/mlx5-abi.ts';
import { description as mlx5Commands } from '../uapi/headers/rdma/mlx5-commands.ts';
import { description as mlx5Verbs } from '../uapi/headers/rdma/mlx5-user-ioctl-verbs.ts';
import { uverbsCommands } from '../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsDriverMethods } from '../uapi/headers/rdma/uverbs-driver-methods.ts';
import { uverbsMethods } from '../uapi/headers/rdma/uverbs-methods.ts';
import type { UverbsAttribute, UverbsMethod, WriteCommand } from '../uapi/rdma/description.ts';
import { attributesOf } from '../uapi/rdma/named-attributes.ts';

/**
 * What steps call by the names of the headers. The descriptions leave out UVERBS_METHOD_,
 * UVERBS_ATTR_ and IB_USER_VERBS_; names of drivers they keep whole.
 */

const METHOD = 'UVERBS_METHOD_';
const ATTRIBUTE = 'UVERBS_ATTR_';
const COMMAND = 'IB_USER_VERBS_CMD_';
const EXTENDED_COMMAND = 'IB_USER_VERBS_EX_CMD_';

/** The whole name, with the prefix where the description left it out. */
function whole(name: string, prefix: string): string {
  return /^[A-Z0-9]+_IB_/.test(name) ? name : `${prefix}${name}`;
}

/** Headers of drivers, whose structs and constants steps may name. */
export const DRIVER_HEADERS = [mlx5, mlx5Verbs, mlx5Commands];

/** By tag. */
export function driverStructs(): ReadonlyMap<string, AnyStruct> {
  structs ??= new Map(DRIVER_HEADERS.flatMap((header) => Object.entries(header.structs)));
  return structs;
}

let structs: ReadonlyMap<string, AnyStruct> | undefined;
let methods: ReadonlyMap<string, UverbsMethod> | undefined;
let commands: ReadonlyMap<string, WriteCommand> | undefined;

/** `UVERBS_METHOD_PD_DESTROY` and all others, the drivers' too. */
export function methodsByName(): ReadonlyMap<string, UverbsMethod> {
  methods ??= new Map(
    [
      ...Object.values<UverbsMethod>(uverbsMethods),
      ...Object.values<UverbsMethod>(uverbsDriverMethods),
    ].map((one) => [whole(one.name, METHOD), one]),
  );
  return methods;
}

/** `IB_USER_VERBS_CMD_ALLOC_PD`, `IB_USER_VERBS_EX_CMD_CREATE_CQ`, … */
export function commandsByName(): ReadonlyMap<string, WriteCommand> {
  const nameOf = ({ name, extended }: WriteCommand) =>
    extended ? name.replace(/^EX_/, EXTENDED_COMMAND) : `${COMMAND}${name}`;
  commands ??= new Map(
    Object.values<WriteCommand>(uverbsCommands).map((one) => [nameOf(one), one]),
  );
  return commands;
}

/** The attributes of a method as steps name them. */
export function attributeNames(method: UverbsMethod): readonly string[] {
  return [...attributesOf(method).keys()].map((name) => whole(name, ATTRIBUTE));
}

/** The attribute by name, or by number as `0x2`; undefined for one that the method does not have. */
export function attributeNamed(method: UverbsMethod, name: string): UverbsAttribute | undefined {
  const known = attributesOf(method);
  if (!isNumber(name)) return known.get(name) ?? known.get(name.replace(ATTRIBUTE, ''));
  return [...known.values()].find(({ id }) => id === Number(name));
}

/**
 * What the bytes of an attribute are: what the description says, or of an attribute that the interface
 * takes for bytes the driver's struct that a step names; undefined also where there is none of that name.
 */
export function attributeStruct(
  attribute: UverbsAttribute | undefined,
  named: string | undefined,
): AnyStruct | undefined {
  return named === undefined ? attribute?.struct : driverStructs().get(named);
}

export function isNumber(name: string): boolean {
  return /^0x[0-9a-f]+$/.test(name);
}

/** The method that destroys what an attribute makes, with the attribute that takes the handle. */
export function destroyerOf(
  object: string,
): { readonly method: UverbsMethod; readonly handle: UverbsAttribute } | undefined {
  for (const method of methodsByName().values()) {
    const handle = method.attributes.find((one) => one.kind === 'idr' && one.access === 'destroy');
    if (handle?.object === object) return { method, handle };
  }
  return undefined;
}
