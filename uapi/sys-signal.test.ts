import t from 'tap';
import { E } from './errno.ts';
import { tryClose, tryWrite } from './sys.ts';
import { tryAskForNoSignals, tryAskForSignals, tryTakeSignal } from './sys-signal.ts';
import { socketpair } from './sys-socket.ts';

t.test(
  'a file sends one signal for each event, to whoever asked and only while asked',
  async (t) => {
    const [near, far] = socketpair();
    const other = socketpair();
    tryWrite(far, Buffer.alloc(1));
    t.strictSame(tryTakeSignal(0), { ok: false, errno: E.EAGAIN }, 'before it was asked');
    t.equal(tryAskForSignals(near).errno, 0);
    t.strictSame(tryTakeSignal(0), { ok: false, errno: E.EAGAIN }, 'for what was there before');
    tryWrite(far, Buffer.alloc(1));
    t.match(tryTakeSignal(1000), { ok: true, value: { fd: near } });
    tryWrite(other[0], Buffer.alloc(1));
    t.strictSame(tryTakeSignal(0), { ok: false, errno: E.EAGAIN }, 'of another file');
    t.equal(tryAskForNoSignals(near).errno, 0);
    tryWrite(far, Buffer.alloc(1));
    t.strictSame(tryTakeSignal(10), { ok: false, errno: E.EAGAIN }, 'any more');
    for (const fd of [near, far, ...other]) tryClose(fd);
  },
);

t.test('a descriptor that is closed sends none', async (t) => {
  t.equal(tryAskForSignals(-1).errno, E.EBADF);
});
