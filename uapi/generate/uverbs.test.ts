import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readVerbsSpecs } from './uverbs-specs.ts';

/** The reader on declarations as the kernel writes them; no kernel source, no headers. */

const METHODS = `
#include <rdma/uverbs_std_types.h>
#include "rdma_core.h"
static int UVERBS_HANDLER(UVERBS_METHOD_THING_MAKE)(struct uverbs_attr_bundle *attrs) { return 0; }
static const struct uverbs_attr_spec thing_kinds[] = {
	[KIND_SMALL] = { .type = UVERBS_ATTR_TYPE_PTR_IN, UVERBS_ATTR_NO_DATA(), },
	[KIND_LARGE] = {
		.type = UVERBS_ATTR_TYPE_PTR_IN,
		UVERBS_ATTR_STRUCT(struct large, last),
	},
	[KIND_PLAIN] = {
		.type = UVERBS_ATTR_TYPE_PTR_IN,
		.u.ptr = {
			.len = sizeof(u16), /* written out */
			.min_len = sizeof(u8),
		}
	},
};
DECLARE_UVERBS_NAMED_METHOD(
	UVERBS_METHOD_THING_MAKE,
	UVERBS_ATTR_IDR(UVERBS_ATTR_MAKE_HANDLE, UVERBS_OBJECT_THING,
			UVERBS_ACCESS_NEW, UA_MANDATORY),
	/* comments, and what follows, do not matter */
	UVERBS_ATTR_PTR_IN(UVERBS_ATTR_MAKE_SIZE, UVERBS_ATTR_TYPE(u64), UA_MANDATORY),
	UVERBS_ATTR_FLAGS_IN(UVERBS_ATTR_MAKE_FLAGS, enum thing_flags),
	UVERBS_ATTR_ENUM_IN(UVERBS_ATTR_MAKE_KIND, thing_kinds, UA_OPTIONAL),
	UVERBS_ATTR_UHW());
DECLARE_UVERBS_NAMED_METHOD_DESTROY(
	UVERBS_METHOD_THING_END,
	UVERBS_ATTR_IDR(UVERBS_ATTR_END_HANDLE, UVERBS_OBJECT_THING,
			UVERBS_ACCESS_DESTROY, UA_MANDATORY));
DECLARE_UVERBS_NAMED_OBJECT(UVERBS_OBJECT_THING,
			    UVERBS_TYPE_ALLOC_IDR(free_thing),
			    &UVERBS_METHOD(UVERBS_METHOD_THING_MAKE),
			    &UVERBS_METHOD(UVERBS_METHOD_THING_END));
`;

const DRIVER = `
#include "efa.h"
DECLARE_UVERBS_NAMED_METHOD(OWN_IB_METHOD_ASK, UVERBS_ATTR_UHW());
ADD_UVERBS_METHODS(own_thing, UVERBS_OBJECT_THING, &UVERBS_METHOD(OWN_IB_METHOD_ASK));
ADD_UVERBS_ATTRIBUTES_SIMPLE(
	own_thing_end, UVERBS_OBJECT_THING, UVERBS_METHOD_THING_END,
	UVERBS_ATTR_PTR_IN(OWN_IB_ATTR_END_HOW, UVERBS_ATTR_STRUCT(struct how, last), UA_MANDATORY));
`;

const COMMANDS = `
#define UAPI_DEF_WRITE_I(req) .write.req_size = sizeof(req)
#define UAPI_DEF_WRITE_IO_EX(req, last, resp, resp_last) .write.has_resp = 1
const struct uapi_definition defs[] = {
	DECLARE_UVERBS_OBJECT(
		UVERBS_OBJECT_THING,
		DECLARE_UVERBS_WRITE(IB_USER_VERBS_CMD_END, end_thing,
				     UAPI_DEF_WRITE_I(struct end),
				     UAPI_DEF_METHOD_NEEDS_FN(end)),
		DECLARE_UVERBS_WRITE_EX(
			IB_USER_VERBS_EX_CMD_ASK, ask,
			UAPI_DEF_WRITE_IO_EX(struct ask, a, struct answer, b))),
};
`;

t.test('declarations are read as the preprocessor expands them', (t) => {
  const root = t.testdir();
  const core = join(root, 'drivers/infiniband/core');
  mkdirSync(core, { recursive: true });
  writeFileSync(join(core, 'uverbs_std_types_thing.c'), METHODS);
  writeFileSync(join(core, 'uverbs_cmd.c'), COMMANDS);
  for (const [name, text] of [
    ['efa/efa_verbs.c', DRIVER],
    ['efa/efa_main.c', '#error nothing is declared here'],
    ['mlx5/dm.c', ''],
  ] as const) {
    const path = join(root, 'drivers/infiniband/hw', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const specs = readVerbsSpecs({ program: 'clang', includeFlags: [] }, root);

  t.match(
    specs.methods.map(({ object, name }) => [object, name]),
    [
      ['UVERBS_OBJECT_THING', 'UVERBS_METHOD_THING_MAKE'],
      ['UVERBS_OBJECT_THING', 'UVERBS_METHOD_THING_END'],
      ['UVERBS_OBJECT_THING', 'OWN_IB_METHOD_ASK'],
    ],
  );
  t.same(
    specs.methods.map(({ driver }) => driver),
    [undefined, undefined, 'efa'],
  );
  t.match(specs.methods[0]?.attributes, [
    { kind: 'idr', name: 'UVERBS_ATTR_MAKE_HANDLE', access: 'UVERBS_ACCESS_NEW', mandatory: true },
    { kind: 'ptr-in', type: 'u64', min: 'sizeof(u64)', max: 'sizeof(u64)' },
    { kind: 'ptr-in', min: 'sizeof(u32)', max: 'sizeof(u64)', mandatory: undefined },
    { kind: 'enum-in', elements: 'thing_kinds', mandatory: false },
    { kind: 'ptr-in', name: 'UVERBS_ATTR_UHW_IN' },
    { kind: 'ptr-out', name: 'UVERBS_ATTR_UHW_OUT' },
  ]);
  t.match(
    specs.methods[1]?.attributes,
    [{ name: 'UVERBS_ATTR_END_HANDLE' }, { name: 'OWN_IB_ATTR_END_HOW', type: 'struct how' }],
    "a driver's attribute is behind those of the core",
  );
  t.match(specs.elements.get('thing_kinds'), [
    { name: 'KIND_SMALL', min: '0', max: '0' },
    { name: 'KIND_LARGE', min: 'offsetofend(struct large, last)', zeroTail: true },
    { name: 'KIND_PLAIN', min: 'sizeof(u8)', max: 'sizeof(u16)' },
  ]);
  t.same(specs.commands, [
    {
      name: 'IB_USER_VERBS_CMD_END',
      extended: false,
      request: 'struct end',
      minRequest: 'sizeof(struct end)',
    },
    {
      name: 'IB_USER_VERBS_EX_CMD_ASK',
      extended: true,
      request: 'struct ask',
      minRequest: 'offsetofend(struct ask, a)',
      response: 'struct answer',
      minResponse: 'offsetofend(struct answer, b)',
    },
  ]);
  t.end();
});

t.test('a tree without the sources is refused with what to give', (t) => {
  const act = () => readVerbsSpecs({ program: 'clang', includeFlags: [] }, t.testdir());
  t.throws(act, /holds no uverbs sources; give --kernel-source/);
  t.end();
});
