import t from 'tap';
import { description as efa } from '../headers/rdma/efa-abi.ts';
import { description as methodIds } from '../headers/rdma/ib-user-ioctl-cmds.ts';
import { description as userVerbs } from '../headers/rdma/ib-user-verbs.ts';
import { description as mlx5 } from '../headers/rdma/mlx5-user-ioctl-cmds.ts';
import { uverbsCommands } from '../headers/rdma/uverbs-commands.ts';
import { uverbsDriverMethods } from '../headers/rdma/uverbs-driver-methods.ts';
import { uverbsMethods } from '../headers/rdma/uverbs-methods.ts';
import type { UverbsMethod, WriteCommand } from './description.ts';
import { uverbsLogCommand } from './log-commands.ts';
import { methodName } from './named-attributes.ts';

/** The generated tables against the ids of the generated headers; nobody needs kernel sources. */

const methods: Readonly<Record<string, UverbsMethod>> = uverbsMethods;
const driverMethods: Readonly<Record<string, UverbsMethod>> = uverbsDriverMethods;
const commands: Readonly<Record<string, WriteCommand>> = uverbsCommands;

/** The call log keeps so many bytes of a name. */
const LOG_NAME_BYTES = 63;

/** An id by its name: of the core without UVERBS_, of a driver whole. */
function idOf(kind: string, name: string): bigint | number | undefined {
  return (
    methodIds.constants[`UVERBS_${kind}_${name}`] ?? efa.constants[name] ?? mlx5.constants[name]
  );
}

t.test('every method, object and attribute has the id of the header', (t) => {
  t.ok(Object.keys(methods).length >= 40);
  t.ok(Object.keys(driverMethods).length >= 30);
  for (const [key, method] of [...Object.entries(methods), ...Object.entries(driverMethods)]) {
    const { name, id, object, attributes } = method;
    const where = methodName(method);
    t.equal(name, key, where);
    t.equal(idOf('METHOD', name), id, where);
    t.equal(idOf('OBJECT', object.name), object.id, where);
    for (const attribute of attributes) {
      t.equal(idOf('ATTR', attribute.name), attribute.id, `${where} ${attribute.name}`);
    }
    t.equal(new Set(attributes.map((one) => one.id)).size, attributes.length, `${where}: ids`);
  }
  t.end();
});

t.test('no two methods of a driver are one', (t) => {
  for (const driver of [undefined, 'efa', 'mlx5']) {
    const all = [...Object.values(methods), ...Object.values(driverMethods)];
    const known = all.filter((one) => one.driver === undefined || one.driver === driver);
    const ids = known.map(({ object, id }) => `${object.id}.${id}`);
    t.equal(new Set(ids).size, ids.length, driver ?? 'the core');
  }
  t.same(new Set(Object.values(methods).map((one) => one.driver)), new Set([undefined]));
  t.same(new Set(Object.values(driverMethods).map((one) => one.driver)), new Set(['efa', 'mlx5']));
  t.end();
});

t.test('attributes are what their kind can be', (t) => {
  for (const method of [...Object.values(methods), ...Object.values(driverMethods)]) {
    for (const attribute of method.attributes) {
      const { name, kind, access, object, minLength, maxLength, struct } = attribute;
      const where = `${methodName(method)} ${name}`;
      const isObject = kind === 'idr' || kind === 'fd';
      t.equal(access !== undefined, isObject || kind === 'idrs-array', `${where}: access`);
      if (object !== undefined) t.not(idOf('OBJECT', object), undefined, where);
      t.ok(minLength <= maxLength, `${where}: lengths`);
      if (isObject || kind === 'raw-fd') t.equal(maxLength, 0, where);
      if (struct !== undefined) t.equal(struct.size, maxLength, `${where}: struct`);
      t.equal(attribute.enumElements !== undefined, kind === 'enum-in', `${where}: elements`);
    }
  }
  t.end();
});

t.test('every destroying method takes one handle of its object', (t) => {
  const destroying = Object.values(methods).filter(({ name }) => /_(DESTROY|FREE)$/.test(name));
  t.ok(destroying.length >= 15);
  for (const method of destroying) {
    const handles = method.attributes.filter(({ access }) => access === 'destroy');
    t.match(handles, [{ kind: 'idr', object: method.object.name, mandatory: true }]);
  }
  t.end();
});

t.test('every write command has the number and the struct sizes of the header', (t) => {
  t.equal(Object.keys(commands).length, 47);
  for (const [key, command] of Object.entries(commands)) {
    const { name, id, extended, request, response } = command;
    t.equal(name, key);
    const enumerator = extended ? name.replace(/^EX_/, 'EX_CMD_') : `CMD_${name}`;
    t.equal(userVerbs.constants[`IB_USER_VERBS_${enumerator}`], id, name);
    t.ok(command.minRequestBytes <= request.size, `${name}: request`);
    t.ok(command.minResponseBytes <= (response?.size ?? 0), `${name}: response`);
    if (extended) continue;
    t.equal(request.size % 4, 0, `${name}: in words`);
    if (response === undefined) t.equal(command.minResponseBytes, 0, name);
    else t.equal(request.field('response').offset, 0, `${name}: the pointer comes first`);
  }
  t.end();
});

t.test('the log knows every name, and none is too long for it', (t) => {
  const names = [
    ...[...Object.values(methods), ...Object.values(driverMethods)].map(
      (method) => `uverbs ${methodName(method)}`,
    ),
    ...Object.keys(commands).flatMap((name) => [`uverbs write ${name}`, `uverbs invoke ${name}`]),
  ];
  for (const name of names) {
    t.ok(name.length <= LOG_NAME_BYTES, name);
    t.equal(uverbsLogCommand(name)?.name, name);
  }
  t.equal(uverbsLogCommand('uverbs PD.NONE'), undefined);
  t.end();
});
