import t from 'tap';
import { CallLog, setCallLog } from '../call-log.ts';
import { createCallLogFile, readCallLogFile } from '../call-log-file.ts';
import { E } from '../errno.ts';
import { ib_uverbs_attr, ib_uverbs_ioctl_hdr } from '../headers/rdma/rdma-user-ioctl-cmds.ts';
import { uverbsMethods } from '../headers/rdma/uverbs-methods.ts';
import type { UverbsMethod } from './description.ts';
import { uverbsLogCommand } from './log-commands.ts';
import { AttributeError, type AttributeValue, nameAttributes } from './named-attributes.ts';
import { tryMethod, tryRawMethod } from './uverbs-ioctl.ts';
import { addressOf, attributeAfter, encodeArgument } from './verbs-argument.ts';

const { CQ_CREATE, PD_DESTROY, DMAH_ALLOC } = uverbsMethods;

/** A method with one attribute of a kind that the generic tables lack. */
const fake: UverbsMethod = {
  name: 'FAKE_LIST',
  id: 7,
  object: { name: 'FAKE', id: 9 },
  attributes: [
    {
      name: 'LIST',
      id: 2,
      kind: 'idrs-array',
      access: 'read',
      object: 'PD',
      minLength: 1,
      maxLength: 8,
      mandatory: true,
    },
  ],
};

/** One attribute as it lies in memory. */
function encoded(method: UverbsMethod, name: string, value: AttributeValue) {
  const raw = nameAttributes(method, { [name]: value }).map((one) => one.raw);
  const bytes = encodeArgument({ object: 0, method: 0, driverId: 0 }, raw);
  return { bytes, ...attributeAfter(bytes, 0) };
}

t.test('the header counts the attributes and the bytes', (t) => {
  const header = { object: 3, method: 2, driverId: 14 };
  const bytes = encodeArgument(header, [{ id: 1 }, { id: 2 }]);
  t.match(ib_uverbs_ioctl_hdr.decode(bytes.subarray(0, 24)), {
    length: 24 + 2 * 16,
    object_id: 3,
    method_id: 2,
    num_attrs: 2,
    reserved1: 0n,
    driver_id: 14,
    reserved2: 0,
  });
  const wrong = { ...header, length: 7, numAttributes: 9, reserved1: 1n, reserved2: 2 };
  t.match(ib_uverbs_ioctl_hdr.decode(encodeArgument(wrong, [])), {
    length: 7,
    num_attrs: 9,
    reserved1: 1n,
    reserved2: 2,
  });
  t.end();
});

t.test('values become what their attribute is', (t) => {
  const cases: readonly [UverbsMethod, string, AttributeValue, number, bigint][] = [
    [PD_DESTROY, 'DESTROY_PD_HANDLE', 7, 0, 7n],
    [CQ_CREATE, 'CREATE_CQ_HANDLE', 'new', 0, 0n],
    [CQ_CREATE, 'CREATE_CQ_CQE', 100, 4, 100n],
    [CQ_CREATE, 'CREATE_CQ_CQE', -1, 4, 0xffff_ffffn],
    [CQ_CREATE, 'CREATE_CQ_USER_HANDLE', 5, 8, 5n],
    [CQ_CREATE, 'CREATE_CQ_FLAGS', 1, 4, 1n],
    [CQ_CREATE, 'CREATE_CQ_FLAGS', 1n << 32n, 8, 1n << 32n],
    [CQ_CREATE, 'CREATE_CQ_COMP_CHANNEL', -1, 0, 0xffff_ffff_ffff_ffffn],
    [CQ_CREATE, 'CREATE_CQ_BUFFER_FD', 4, 0, 4n],
    [CQ_CREATE, 'CREATE_CQ_CQE', Buffer.from([1, 2]), 2, 0x0201n],
    [CQ_CREATE, 'UHW_IN', Buffer.alloc(0), 0, 0n],
    [PD_DESTROY, 'UHW_IN', Buffer.from('12345678'), 8, 0x3837363534333231n],
    [fake, 'LIST', [3, 4], 8, 0x4_0000_0003n],
  ];
  for (const [method, name, value, length, data] of cases) {
    t.match(encoded(method, name, value), { length, data, flags: 1 }, `${name}=${String(value)}`);
  }
  const long = Buffer.alloc(9);
  const out = Buffer.alloc(4);
  t.match(encoded(CQ_CREATE, 'UHW_IN', long), { length: 9, data: addressOf(long) });
  t.match(encoded(CQ_CREATE, 'UHW_OUT', { out }), { length: 4, data: addressOf(out) });
  const [optional] = nameAttributes(CQ_CREATE, { CREATE_CQ_FLAGS: 0 }, ['CREATE_CQ_FLAGS']);
  t.equal(optional?.raw.flags, 0, 'an optional attribute is not marked mandatory');
  t.end();
});

t.test('an element of an enum attribute is chosen by name or number', (t) => {
  const name = 'ALLOC_DMAH_TPH_MEM_TYPE';
  const none = Buffer.alloc(0);
  for (const [element, id] of [
    ['TPH_MEM_TYPE_PM', 1],
    [1, 1],
    [9, 9],
  ] as const) {
    const { bytes } = encoded(DMAH_ALLOC, name, { element, data: none });
    const one = bytes.subarray(ib_uverbs_ioctl_hdr.size);
    t.equal(ib_uverbs_attr.get(one, 'attr_data.enum_data.elem_id'), id, String(element));
  }
  t.throws(() => encoded(DMAH_ALLOC, name, { element: 'TPH', data: none }), /TPH_MEM_TYPE_VM/);
  t.end();
});

t.test('a wrong attribute is refused with object, method and attribute', (t) => {
  const cases: readonly [UverbsMethod, string, AttributeValue, RegExp][] = [
    [
      PD_DESTROY,
      'DESTROY_PD_HANDEL',
      1,
      /^PD\.PD_DESTROY has no attribute 'DESTROY_PD_HANDEL'; it has: DESTROY_PD_HANDLE/,
    ],
    [
      PD_DESTROY,
      'DESTROY_PD_HANDLE',
      'new',
      /^PD\.PD_DESTROY: attribute DESTROY_PD_HANDLE is a PD handle, not new$/,
    ],
    [PD_DESTROY, 'DESTROY_PD_HANDLE', Buffer.alloc(4), /is a PD handle, not 4 bytes$/],
    [CQ_CREATE, 'CREATE_CQ_HANDLE', 3, /CREATE_CQ_HANDLE is a new object: give 'new', not 3$/],
    [CQ_CREATE, 'CREATE_CQ_RESP_CQE', 3, /is output: \{out: Buffer\}, not 3$/],
    [CQ_CREATE, 'CREATE_CQ_CQE', { out: Buffer.alloc(4) }, /is input: .*, not \{out: 4 bytes\}$/],
    [CQ_CREATE, 'CREATE_CQ_CQE', 1n << 40n, /is 4 to 4 bytes: give them as a Buffer/],
    [CQ_CREATE, 'UHW_IN', 5, /UHW_IN is 0 to 65535 bytes: give them as a Buffer, not 5$/],
    [CQ_CREATE, 'CREATE_CQ_BUFFER_FD', [1], /is a descriptor, not \[1\]$/],
    [fake, 'LIST', 3, /^FAKE\.FAKE_LIST: attribute LIST is a list of handles, not 3$/],
    [
      DMAH_ALLOC,
      'ALLOC_DMAH_TPH_MEM_TYPE',
      1,
      /is one of: give \{element, data\}, .*TPH_MEM_TYPE_VM/,
    ],
  ];
  for (const [method, name, value, message] of cases) {
    const act = () => nameAttributes(method, { [name]: value });
    t.throws(act, { name: 'AttributeError', message }, `${name}=${String(value)}`);
    t.throws(act, AttributeError);
  }
  t.end();
});

t.test('a refused call says method and attributes, and the log has them by name', (t) => {
  const path = `${t.testdir()}/calls`;
  const log = createCallLogFile(path, 4);
  setCallLog(log);
  t.teardown(() => setCallLog(undefined));
  const values = {
    CREATE_CQ_HANDLE: 'new',
    CREATE_CQ_CQE: 16,
    CREATE_CQ_BUF_UMEM: Buffer.alloc(32, 1),
    CREATE_CQ_RESP_CQE: { out: Buffer.alloc(4) },
  } as const;
  const outcome = tryMethod(-1, 14, CQ_CREATE, values);
  t.same(outcome, {
    ok: false,
    errno: E.EBADF,
    call:
      'CQ.CQ_CREATE(CREATE_CQ_HANDLE=new, CREATE_CQ_CQE=16, CREATE_CQ_BUF_UMEM=32 bytes, ' +
      'CREATE_CQ_RESP_CQE={out: 4 bytes})',
  });
  const text =
    /^#1 uverbs CQ\.CQ_CREATE fd=-1|uverbs CQ\.CQ_CREATE \{CREATE_CQ_HANDLE=out 8 bytes CREATE_CQ_CQE=16 CREATE_CQ_BUF_UMEM=\{.+\} CREATE_CQ_RESP_CQE=out 4 bytes\} = EBADF/;
  t.match(String(log.entries()[0]), text);
  const [foreign] = readCallLogFile(path, uverbsLogCommand);
  t.match(foreign?.decodedInput(), { CREATE_CQ_CQE: 16n, CREATE_CQ_RESP_CQE: undefined });
  t.match(String(foreign), text, 'also when another process reads it');
  t.end();
});

t.test('a raw call is passed as it is, wrong place included', (t) => {
  const log = new CallLog(4);
  setCallLog(log);
  t.teardown(() => setCallLog(undefined));
  const header = { object: 1, method: 2, driverId: 3 };
  const call = 'RDMA_VERBS_IOCTL object 1 method 2 attributes [0x1000]';
  for (const options of [{}, { argument: null }, { place: () => 4096n }]) {
    const outcome = tryRawMethod(-1, header, [{ id: 0x1000, data: Buffer.alloc(3) }], options);
    t.same(outcome, { ok: false, errno: E.EBADF, call });
  }
  const [plain, nothing, placed] = log.entries();
  const known = { object_id: 1, method_id: 2, attrs: [{ attr_id: 0x1000, len: 3 }] };
  t.match(plain?.decodedInput(), known);
  t.equal(nothing?.decodedInput(), undefined);
  t.match(placed?.decodedInput(), known, 'the log has what was placed');
  t.end();
});
