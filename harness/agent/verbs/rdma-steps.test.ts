import t from 'tap';
import type { RdmaKind, RdmaObject } from '../../../providers/contract-verbs.ts';
import { packFields, unpackFields } from '../peer-protocol.ts';
import { Scope } from '../scope.ts';
import { CaseDefect, describe, fieldsOf, type RdmaValue, type SessionValue } from '../values.ts';
import { accessBits } from './rdma-arguments.ts';
import { LOWER } from './rdma-create.ts';
import { rdmaOf, rdmaValue } from './rdma-held.ts';
import { nextKey, noteBind, receiveRequest, sendRequest } from './rdma-requests.ts';

/** What steps ask of a provider; what providers make of it is shown on real kernels. */

function objectValue(kind: RdmaKind, handle: number, fields: RdmaObject['fields'] = {}): RdmaValue {
  return rdmaValue({ object: { kind, handle, fields }, owner: {} as SessionValue });
}

function filledScope(): Scope {
  const scope = new Scope();
  scope.set('size', 'page-1');
  scope.set('right', 'local-write+remote-read');
  scope.set('pd', objectValue('pd', 1));
  scope.set('cq', objectValue('cq', 2, { entries: 16 }));
  scope.set('srq', objectValue('srq', 3));
  scope.set('qp', objectValue('qp', 4, { number: 17 }));
  scope.set(
    'mr',
    objectValue('mr', 5, { lkey: 0x101, rkey: 0x102, address: 0x10000n, length: 8192n }),
  );
  scope.set('mw', objectValue('mw', 6, { rkey: 0x2ff }));
  scope.set('ah', objectValue('ah', 7));
  return scope;
}

t.test('rights are names, lists, references or bits', async (t) => {
  const scope = filledScope();
  for (const [access, bits] of [
    ['none', 0],
    ['local-write', 1],
    ['local-write+remote-write+remote-read+remote-atomic', 15],
    [['mw-bind', 'zero-based'], 0x30],
    [[], 0],
    ['relaxed-ordering', 1 << 20],
    ['0x40', 64],
    [0x80000000, 0x80000000],
    ['$right', 5],
  ] as const) {
    const given = typeof access === 'object' ? [...access] : access;
    t.equal(accessBits(given, scope), bits, String(access));
  }
  t.throws(() => accessBits('local-wirte', scope), /no right: none, local-write/);
});

t.test('a reference leads to an object of the kind that is asked for', async (t) => {
  const scope = filledScope();
  t.equal(rdmaOf('$qp', scope, 'qp', 'srq').object.handle, 4);
  t.throws(() => rdmaOf('$pd', scope, 'qp', 'srq'), /\$pd is a pd, not a qp or srq/);
  t.throws(() => rdmaOf('$size', scope), CaseDefect);
});

t.test('values show the fields of their kind', async (t) => {
  t.equal(describe(objectValue('qp', 4, { number: 17 })), 'qp handle=4 number=17');
  t.strictSame(fieldsOf(objectValue('channel', 9)), { handle: 9, fd: 9 });
});

t.test('a piece of memory is the rest of its MR unless the step says more', async (t) => {
  const scope = filledScope();
  for (const [piece, sge] of [
    [{ mr: '$mr' }, { address: 0x10000n, length: 8192, lkey: 0x101 }],
    [
      { mr: '$mr', offset: 64 },
      { address: 0x10040n, length: 8128, lkey: 0x101 },
    ],
    [
      { mr: '$mr', length: '$size' },
      { address: 0x10000n, length: 4095, lkey: 0x101 },
    ],
    [
      { mr: '$mr', lkey: '$mr.rkey' },
      { address: 0x10000n, length: 8192, lkey: 0x102 },
    ],
    [
      { address: 16, length: 0, lkey: 3 },
      { address: 16n, length: 0, lkey: 3 },
    ],
  ] as const) {
    t.strictSame(receiveRequest({ sge: [piece] }, 0, scope), { id: 1n, sges: [sge] });
  }
  t.throws(() => receiveRequest({ sge: [{ length: 1 }] }, 0, scope), /piece of memory/);
});

t.test('a request has its defaults, and nothing that was not asked for', async (t) => {
  const scope = filledScope();
  t.strictSame(sendRequest({ op: 'send' }, 2, scope), {
    id: 3n,
    opcode: 'send',
    sges: [],
    signaled: true,
  });
  const write = sendRequest(
    { op: 'rdma-write', id: '0x100000000', signaled: false, remote: { mr: '$mr', offset: 8 } },
    0,
    scope,
  );
  t.match(write, { id: 1n << 32n, signaled: false, remoteAddress: 0x10008n, rkey: 0x102 });
  const datagram = sendRequest({ op: 'send', ah: '$ah', to: '$qp' }, 0, scope);
  t.match(datagram, { ah: { handle: 7 }, remoteQpn: 17, remoteQkey: 0x11111111 });
});

t.test('a window is known by its new key as soon as the bind is posted', async (t) => {
  const scope = filledScope();
  const step = { op: 'bind-mw', bind: { mw: '$mw', mr: '$mr', offset: 4096 } } as const;
  const request = sendRequest(step, 0, scope);
  t.match(request.bind, { newRkey: 0x200, address: 0x11000n, length: 4096n, access: 6 });
  const takeBack = noteBind(step, request, scope);
  t.equal(scope.scalar('$mw.rkey'), 0x200);
  t.match(sendRequest({ op: 'rdma-write', remote: { mw: '$mw', offset: 1 } }, 0, scope), {
    remoteAddress: 0x11001n,
    rkey: 0x200,
  });
  t.equal(sendRequest(step, 0, scope).bind?.mw.fields['rkey'], 0x200, 'and bound anew by it');
  takeBack();
  t.equal(scope.scalar('$mw.rkey'), 0x2ff, 'a post that was refused changes nothing');
  t.equal(nextKey(0xffffffff), 0xffffff00, 'only the last byte is ours');
});

t.test('queues have 16 requests, and none where the QP has no queue', async (t) => {
  const scope = filledScope();
  const { userHandle, ...qp } = LOWER.qp({ type: 'rc', pd: '$pd', cq: '$cq' }, scope);
  t.type(userHandle, 'bigint');
  t.match(qp, { sendCq: { handle: 2 }, receiveCq: { handle: 2 } });
  const limits = { sendWr: 16, sendSge: 1, receiveWr: 16, receiveSge: 1 };
  t.match(qp, limits);
  const shared = LOWER.qp({ type: 'rc', pd: '$pd', cq: '$cq', srq: '$srq' }, scope);
  t.match(shared, { ...limits, receiveWr: 0, receiveSge: 0 });
  t.notOk('inline' in qp, 'what is not asked for is the default of the provider');
});

t.test('fields travel to another process as they are', async (t) => {
  const fields = { lkey: 7, address: 1n << 63n };
  const travelled = JSON.parse(JSON.stringify(packFields(fields)));
  t.strictSame(unpackFields(travelled), fields);
});
