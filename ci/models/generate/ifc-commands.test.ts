import t from 'tap';
import { emitIfc } from './ifc.ts';
import { emitCommandCodes, emitIfcCommands } from './ifc-commands.ts';

const HEADER = `
enum {
	OP_ASK = 0x100,
};

struct mlx5_ifc_small_bits {
	u8         reserved_at_0[0x24];
	u8         size[0x5];
	u8         reserved_at_29[0x17];
	u8         wide[0x60];
	u8         address[0x40];
};

struct mlx5_ifc_large_bits {
	u8         other[0x20];
};

union mlx5_ifc_either_bits {
	struct mlx5_ifc_large_bits large;
	struct mlx5_ifc_small_bits small;
	u8         reserved_at_0[0x800];
};

struct mlx5_ifc_ask_out_bits {
	u8         status[0x8];
	u8         reserved_at_8[0x18];
	union mlx5_ifc_either_bits either;
	struct mlx5_ifc_large_bits first;
	struct mlx5_ifc_large_bits pair[0x2];
	struct {
		u8         reserved_at_0[0x20];
		u8         inside[0x8];
	} group;
	struct mlx5_ifc_large_bits rest[];
};
`;

const wanted = { structs: ['ask_out'], unions: { either: 'small' }, constants: ['OP_'] };
const text = emitIfcCommands([HEADER], wanted, 'a header').replaceAll(/\s+/g, ' ');

t.test('fields are bits, from the highest of the first byte', async (t) => {
  t.match(text, "export const ask_out = new Struct({ name: 'ask_out', size: 0x115, size32: 0x115,");
  t.match(text, "deviceBits('status', 0x0, 8)");
  t.notMatch(text, 'reserved');
});

t.test('a struct that others have is described once', async (t) => {
  t.match(text, "nested('first', large, 260)");
  t.match(text, "array('pair', nested('', large, 0), 2, 264)");
  t.match(text, "array('rest', nested('', large, 0), 0, 277)");
  t.equal(text.split('const large = new Struct').length, 2);
  t.notMatch(text, 'export const large');
});

t.test('a chosen struct stands for a union', async (t) => {
  t.match(text, "nested('either', small, 4)");
  t.match(text, "const small = new Struct({ name: 'small', size: 0x1c, size32: 0x1c,");
  t.match(text, "deviceBits('size', 0x24, 5)");
});

t.test('a struct without a type is a group from its first named word on', async (t) => {
  t.match(text, "inline('group', { name: 'group', size: 0x1, size32: 0x1,");
  t.match(text, '}, 276)');
});

t.test('what is wider than a word of 64 bits is bytes', async (t) => {
  t.match(text, "array('wide', u8('', 0), 12, 8)");
  t.match(text, "deviceBits('address', 0xa0, 64)");
});

t.test('constants are a module that the description of all structs hands on', async (t) => {
  const codes = emitCommandCodes([HEADER], wanted, 'a header');
  t.match(codes, 'export const OP_ASK = 0x100;');
  const shared = { constants: wanted.constants, from: '../codes.ts' };
  const whole = emitIfc([HEADER], { ...wanted, headers: [], constants: ['O'] }, 'a header', shared);
  t.match(whole, "export * from '../codes.ts';");
  t.notMatch(whole, 'OP_ASK');
});
