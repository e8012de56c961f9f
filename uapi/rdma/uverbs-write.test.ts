import t from 'tap';
import { CallLog, setCallLog } from '../call-log.ts';
import { E } from '../errno.ts';
import { ib_uverbs_cmd_hdr, ib_uverbs_ex_cmd_hdr } from '../headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../headers/rdma/uverbs-commands.ts';
import { prepareWrite, tryRawWrite, tryWriteCommand } from './uverbs-write.ts';
import { addressOf } from './verbs-argument.ts';

const { ALLOC_PD, DEALLOC_PD, CREATE_CQ, EX_CREATE_CQ, EX_DESTROY_FLOW } = uverbsCommands;

const EXTENDED = 0x8000_0000;

t.test('a plain command counts all its bytes in words of four', (t) => {
  const request = CREATE_CQ.request.make({ cqe: 7 });
  const call = { request, udataIn: Buffer.alloc(12, 0xab), udataOutSize: 16 };
  const { bytes, answer } = prepareWrite(CREATE_CQ, call);
  t.same(ib_uverbs_cmd_hdr.decode(bytes), {
    command: 18,
    in_words: (8 + request.length + 12) / 4,
    out_words: (CREATE_CQ.response.size + 16) / 4,
  });
  const body = bytes.subarray(8);
  t.equal(CREATE_CQ.request.get(body, 'response'), addressOf(answer), 'it says where to answer');
  t.equal(CREATE_CQ.request.get(request, 'response'), 0n, "the caller's struct is left alone");
  t.ok(body.subarray(request.length).equals(call.udataIn), 'the driver data comes last');
  t.equal(answer.length, CREATE_CQ.response.size + 16);
  t.end();
});

t.test('a command without an answer has none', (t) => {
  const { bytes, answer } = prepareWrite(DEALLOC_PD, {
    request: DEALLOC_PD.request.make({ pd_handle: 5 }),
  });
  t.same(ib_uverbs_cmd_hdr.decode(bytes), { command: 4, in_words: 3, out_words: 0 });
  t.equal(bytes.readUInt32LE(8), 5);
  t.equal(answer.length, 0);
  t.end();
});

t.test('an extended command counts core and driver apart in words of eight', (t) => {
  const request = EX_CREATE_CQ.request.make({ cqe: 7 });
  const call = { request, udataIn: Buffer.alloc(8), udataOutSize: 16 };
  const { bytes, answer } = prepareWrite(EX_CREATE_CQ, call);
  t.same(ib_uverbs_cmd_hdr.decode(bytes), {
    command: EXTENDED + 18,
    in_words: request.length / 8,
    out_words: EX_CREATE_CQ.response.size / 8,
  });
  t.same(ib_uverbs_ex_cmd_hdr.decode(bytes.subarray(8)), {
    response: addressOf(answer),
    provider_in_words: 1,
    provider_out_words: 2,
    cmd_hdr_reserved: 0,
  });
  const none = prepareWrite(EX_DESTROY_FLOW, { request: EX_DESTROY_FLOW.request.make() });
  t.equal(ib_uverbs_ex_cmd_hdr.get(none.bytes.subarray(8), 'response'), 0n, 'no answer, no place');
  t.end();
});

t.test('header fields can be made wrong', (t) => {
  const request = EX_CREATE_CQ.request.make();
  const header = { command: 99, inWords: 1, outWords: 2, response: 3n, reserved: 4 };
  const { bytes } = prepareWrite(EX_CREATE_CQ, { request, header });
  t.same(ib_uverbs_cmd_hdr.decode(bytes), { command: 99, in_words: 1, out_words: 2 });
  t.match(ib_uverbs_ex_cmd_hdr.decode(bytes.subarray(8)), { response: 3n, cmd_hdr_reserved: 4 });
  const plain = prepareWrite(ALLOC_PD, {
    request: ALLOC_PD.request.make(),
    header: { response: 16n },
  });
  t.equal(ALLOC_PD.request.get(plain.bytes.subarray(8), 'response'), 16n);
  t.end();
});

t.test('what words cannot say is refused', (t) => {
  const request = EX_CREATE_CQ.request.make();
  t.throws(() => prepareWrite(EX_CREATE_CQ, { request, udataIn: Buffer.alloc(4) }), {
    name: 'WriteCommandError',
    message: 'EX_CREATE_CQ: the driver data has 4 bytes, which are no multiple of 8',
  });
  t.throws(() => tryWriteCommand(-1, ALLOC_PD, { request: Buffer.alloc(8), via: 'invoke' }), {
    message: 'ALLOC_PD: INVOKE_WRITE needs the driver id',
  });
  t.end();
});

t.test('a refused command says its name, its form and its struct, and so does the log', (t) => {
  const log = new CallLog(8);
  setCallLog(log);
  t.teardown(() => setCallLog(undefined));
  const request = DEALLOC_PD.request.make({ pd_handle: 5 });
  for (const via of ['write', 'invoke'] as const) {
    const outcome = tryWriteCommand(-1, DEALLOC_PD, { request, via, driverId: 14 });
    t.same(outcome, { ok: false, errno: E.EBADF, call: `DEALLOC_PD by ${via} (pd_handle=5)` });
    const entry = log.entries().at(-1);
    t.equal(entry?.command, `uverbs ${via} DEALLOC_PD`);
    t.match(entry?.decodedInput(), { request: { pd_handle: 5 } });
    t.match(String(entry), /\{request=\{pd_handle=5\}\} = EBADF/);
  }
  t.match(tryRawWrite(-1, Buffer.alloc(8)), { ok: false, errno: E.EBADF });
  t.end();
});
