import t from 'tap';
import * as h from './headers/ifc.ts';
import { Machine } from './test-machine.ts';

const PAGE_BYTES = 8;

/** A command that names an object, of this user. */
function command(opcode: number, number = 0, user = 0): Buffer {
  const input = Buffer.alloc(16);
  input.writeUInt16BE(opcode, 0);
  input.writeUInt16BE(user, 2);
  input.writeUInt32BE(number, 8);
  return input;
}

function memory(user: number, pages: number, listed = pages): Buffer {
  const head = h.create_umem_in.make({ uid: user });
  h.create_umem_in.setBig(head, 'umem.num_of_mtt', BigInt(pages));
  return Buffer.concat([head, Buffer.alloc(listed * PAGE_BYTES)]);
}

t.test('a command is of a user who is there, of nobody, or of all', async (t) => {
  const machine = new Machine();
  const { number: user } = machine.command(h.MLX5_CMD_OP_CREATE_UCTX, command(0));
  const allocate = (uid: number) => {
    const input = command(h.MLX5_CMD_OP_ALLOC_PD, 0, uid);
    return machine.command(h.MLX5_CMD_OP_ALLOC_PD, input).ok;
  };
  t.equal(allocate(user), true);
  t.equal(allocate(0), true, 'the driver itself');
  t.equal(allocate(0xffff), true, 'what is shared');
  t.equal(allocate(user + 1), false);
  t.equal(machine.command(h.MLX5_CMD_OP_DESTROY_UCTX, command(0, user)).ok, true);
  t.equal(allocate(user), false, 'one who has gone');
});

t.test('memory of a user is listed, and goes before the user', async (t) => {
  const machine = new Machine();
  const { number: user } = machine.command(h.MLX5_CMD_OP_CREATE_UCTX, command(0));
  const { number: other } = machine.command(h.MLX5_CMD_OP_CREATE_UCTX, command(0));
  const make = (input: Buffer) => machine.command(h.MLX5_CMD_OP_CREATE_UMEM, input);
  const end = (id: number, uid: number) =>
    machine.command(h.MLX5_CMD_OP_DESTROY_UMEM, command(0, id, uid)).ok;
  t.equal(make(memory(user, 2, 1)).ok, false, 'a page that is not listed');
  t.equal(make(memory(user, 0)).ok, false, 'no page');
  t.equal(make(memory(0, 1)).ok, false, 'nobody');
  const { ok, number: id } = make(memory(user, 2));
  t.equal(ok, true);
  t.equal(machine.command(h.MLX5_CMD_OP_DESTROY_UCTX, command(0, user)).ok, false);
  t.equal(end(id, other), false, "another's");
  t.equal(end(id, user), true);
  t.equal(end(id, user), false, 'again');
  t.equal(machine.command(h.MLX5_CMD_OP_DESTROY_UCTX, command(0, user)).ok, true);
});
