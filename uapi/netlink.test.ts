import t from 'tap';
import { E } from './errno.ts';
import {
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  nlmsghdr,
} from './headers/linux/netlink.ts';
import {
  RDMA_NLDEV_ATTR_RES_KERN_NAME,
  RDMA_NLDEV_ATTR_RES_PD,
  RDMA_NLDEV_ATTR_RES_PD_ENTRY,
  RDMA_NLDEV_ATTR_RES_PDN,
  RDMA_NLDEV_ATTR_RES_PID,
  RDMA_NLDEV_ATTR_RES_SUMMARY,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME,
} from './headers/rdma/rdma-netlink.ts';
import { NetlinkSocket } from './netlink.ts';
import {
  Attributes,
  attributes,
  encodeRequest,
  NetlinkReply,
  parseMessages,
} from './netlink-message.ts';
import {
  nldevType,
  parseResourceCounts,
  parseResources,
  resourcesRequest,
} from './rdma-netlink.ts';

function message(type: number, sequence: number, payload: Buffer): Buffer {
  const length = nlmsghdr.size + payload.length;
  const header = nlmsghdr.make({ nlmsg_len: length, nlmsg_type: type, nlmsg_seq: sequence });
  return Buffer.concat([header, payload], (length + 3) & ~3);
}

const errorPayload = (error: number): Buffer => {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(error);
  return payload;
};

t.test('a request says its length, its flags and its sequence', async (t) => {
  const bytes = encodeRequest({ type: 5, payload: attributes.u32(1, 7) }, 3);
  t.strictSame(nlmsghdr.decode(bytes), {
    nlmsg_len: 24,
    nlmsg_type: 5,
    nlmsg_flags: NLM_F_REQUEST | NLM_F_ACK,
    nlmsg_seq: 3,
    nlmsg_pid: 0,
  });
  const dump = encodeRequest({ type: 5, isDump: true }, 3);
  t.equal(nlmsghdr.get(dump, 'nlmsg_flags'), NLM_F_REQUEST | NLM_F_DUMP);
});

t.test('attributes are read as they were written', async (t) => {
  const all = new Attributes(
    Buffer.concat([
      attributes.u8(1, 9),
      attributes.string(2, 'rxe0'),
      attributes.nested(3, attributes.u32(4, 0xfffffffe), attributes.u8(4, 1)),
      attributes.nested(3, attributes.u32(4, 5)),
    ]),
  );
  t.equal(all.number(1), 9);
  t.equal(all.string(2), 'rxe0');
  t.equal(all.nested(3).number(4), 0xfffffffe, 'the first of two');
  t.strictSame(
    all.all(3).map((one) => one.number(4)),
    [0xfffffffe, 5],
  );
  t.equal(all.number(2), undefined, 'five bytes are no number');
  t.equal(all.nested(8).number(1), undefined);
});

t.test('messages and attributes that are cut short are left out', async (t) => {
  const whole = message(17, 1, attributes.u32(1, 2));
  t.equal(parseMessages(Buffer.concat([whole, whole])).length, 2);
  t.equal(parseMessages(Buffer.concat([whole, whole.subarray(0, 20)])).length, 1);
  const row = attributes.u32(1, 2);
  t.equal(new Attributes(row.subarray(0, 6)).number(1), undefined);
});

t.test('a reply ends with its acknowledgement, its error, or the end of its list', async (t) => {
  const row = message(17, 4, attributes.u32(1, 2));
  for (const [what, last, expected] of [
    ['acknowledged', message(NLMSG_ERROR, 4, errorPayload(0)), 1],
    ['refused', message(NLMSG_ERROR, 4, errorPayload(-E.EPERM)), -E.EPERM],
    ['listed', message(NLMSG_DONE, 4, errorPayload(0).subarray(0, 4)), 1],
    ['list refused', message(NLMSG_DONE, 4, errorPayload(-E.EINVAL).subarray(0, 4)), -E.EINVAL],
  ] as const) {
    const reply = new NetlinkReply(4);
    t.notOk(reply.add(message(NLMSG_ERROR, 3, errorPayload(-E.EIO))), 'an older reply');
    t.notOk(reply.add(row), what);
    t.ok(reply.add(last), what);
    const outcome = reply.outcome();
    t.equal(outcome.ok ? outcome.value.length : -outcome.errno, expected, what);
  }
});

t.test('a reply keeps what came, whatever becomes of the memory it came in', async (t) => {
  const reply = new NetlinkReply(4);
  const memory = message(17, 4, attributes.u32(1, 2));
  reply.add(memory);
  memory.fill(0);
  reply.add(message(NLMSG_ERROR, 4, errorPayload(0)));
  const outcome = reply.outcome();
  t.equal(outcome.ok && new Attributes(outcome.value[0]?.payload ?? memory).number(1), 2);
});

t.test('counts and makers of RDMA objects are read', async (t) => {
  const count = (name: string, curr: number): Buffer =>
    attributes.nested(
      RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY,
      attributes.string(RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME, name),
      attributes.u32(RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR, curr),
    );
  const summary = attributes.nested(RDMA_NLDEV_ATTR_RES_SUMMARY, count('pd', 3), count('qp', 1));
  const [first] = parseMessages(message(nldevType(9), 1, summary));
  t.strictSame(
    [...parseResourceCounts(first === undefined ? [] : [first])],
    [
      ['pd', 3],
      ['qp', 1],
    ],
  );
  const pd = (...inner: Buffer[]) => attributes.nested(RDMA_NLDEV_ATTR_RES_PD_ENTRY, ...inner);
  const id = (value: number) => attributes.u32(RDMA_NLDEV_ATTR_RES_PDN, value);
  const table = attributes.nested(
    RDMA_NLDEV_ATTR_RES_PD,
    pd(id(0), attributes.string(RDMA_NLDEV_ATTR_RES_KERN_NAME, 'ib_core')),
    pd(id(1), attributes.u32(RDMA_NLDEV_ATTR_RES_PID, 212)),
    pd(id(2)),
  );
  t.strictSame(parseResources('pd', parseMessages(message(nldevType(14), 1, table))), [
    { id: 0, kernelName: 'ib_core' },
    { id: 1, pid: 212 },
    { id: 2 },
  ]);
  t.equal(resourcesRequest(0, 'flux capacitor'), undefined);
});

/** Source: include/uapi/linux/rtnetlink.h, RTM_GETLINK; struct ifinfomsg is 16 bytes */
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFINFOMSG_BYTES = 16;

t.test('the kernel answers: every machine has a loopback interface', async (t) => {
  const opened = NetlinkSocket.tryOpen(NETLINK_ROUTE);
  if (!opened.ok) return t.comment(`no NETLINK_ROUTE here: errno ${opened.errno}`);
  using socket = opened.value;
  const request = { type: RTM_GETLINK, isDump: true, payload: Buffer.alloc(IFINFOMSG_BYTES) };
  for (const outcome of [socket.tryRequest(request), await socket.requestLater(request)]) {
    const names = outcome.ok
      ? outcome.value.map(({ payload }) =>
          new Attributes(payload.subarray(IFINFOMSG_BYTES)).string(IFLA_IFNAME),
        )
      : [];
    t.ok(names.includes('lo'), names.join(' '));
  }
  const nonsense = socket.tryRequest({ type: 0x3ff });
  t.notOk(nonsense.ok, 'an unknown command is refused');
});

t.test('replies go to who asked, also when many ask at once', async (t) => {
  const opened = NetlinkSocket.tryOpen(NETLINK_ROUTE);
  if (!opened.ok) return t.comment(`no NETLINK_ROUTE here: errno ${opened.errno}`);
  using socket = opened.value;
  const list = { type: RTM_GETLINK, isDump: true, payload: Buffer.alloc(IFINFOMSG_BYTES) };
  const nonsense = { type: 0x3ff };
  const asked = Array.from({ length: 40 }, (_, index) => (index % 4 === 3 ? nonsense : list));
  const outcomes = await Promise.all(asked.map((request) => socket.requestLater(request)));
  const alone = socket.tryRequest(list);
  const count = alone.ok ? alone.value.length : 0;
  t.strictSame(
    outcomes.map((outcome) => (outcome.ok ? outcome.value.length : 'refused')),
    asked.map((request) => (request === nonsense ? 'refused' : count)),
  );
});
