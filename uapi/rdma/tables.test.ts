import t from 'tap';
import { description as efa } from '../headers/rdma/efa-abi.ts';
import { description as methodIds } from '../headers/rdma/ib-user-ioctl-cmds.ts';
import { description as userVerbs } from '../headers/rdma/ib-user-verbs.ts';
import { description as mlx5 } from '../headers/rdma/mlx5-user-ioctl-cmds.ts';
import { uverbsCommands } from '../headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../headers/rdma/uverbs-methods.ts';
import type { UverbsMethod, WriteCommand } from './description.ts';
import { uverbsLogCommand } from './log-commands.ts';
import { methodName } from './named-attributes.ts';

/** The generated tables against the ids of the generated headers; nobody needs kernel sources. */

const methods: Readonly<Record<string, UverbsMethod>> = uverbsMethods;
const commands: Readonly<Record<string, WriteCommand>> = uverbsCommands;

/** The call log keeps so many bytes of a name. */
const LOG_NAME_BYTES = 63;

t.test('every method, object and attribute has the id of the header', (t) => {
  t.ok(Object.keys(methods).length >= 40);
  for (const [key, method] of Object.entries(methods)) {
    const { name, id, object, attributes } = method;
    const where = methodName(method);
    t.equal(name, key, where);
    t.equal(methodIds.constants[`UVERBS_METHOD_${name}`], id, where);
    t.equal(methodIds.constants[`UVERBS_OBJECT_${object.name}`], object.id, where);
    for (const attribute of attributes) {
      const known =
        methodIds.constants[`UVERBS_ATTR_${attribute.name}`] ??
        efa.constants[attribute.name] ??
        mlx5.constants[attribute.name];
      t.equal(known, attribute.id, `${where} ${attribute.name}`);
    }
    t.equal(new Set(attributes.map((one) => one.id)).size, attributes.length, `${where}: ids`);
  }
  t.end();
});

t.test('no two methods are one', (t) => {
  const ids = Object.values(methods).map(({ object, id }) => `${object.id}.${id}`);
  t.equal(new Set(ids).size, ids.length);
  t.end();
});

t.test('attributes are what their kind can be', (t) => {
  for (const method of Object.values(methods)) {
    for (const attribute of method.attributes) {
      const { name, kind, access, object, minLength, maxLength, struct } = attribute;
      const where = `${methodName(method)} ${name}`;
      const isObject = kind === 'idr' || kind === 'fd';
      t.equal(access !== undefined, isObject || kind === 'idrs-array', `${where}: access`);
      if (object !== undefined) t.ok(`UVERBS_OBJECT_${object}` in methodIds.constants, where);
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
    ...Object.values(methods).map((method) => `uverbs ${methodName(method)}`),
    ...Object.keys(commands).flatMap((name) => [`uverbs write ${name}`, `uverbs invoke ${name}`]),
  ];
  for (const name of names) {
    t.ok(name.length <= LOG_NAME_BYTES, name);
    t.equal(uverbsLogCommand(name)?.name, name);
  }
  t.equal(uverbsLogCommand('uverbs PD.NONE'), undefined);
  t.end();
});
