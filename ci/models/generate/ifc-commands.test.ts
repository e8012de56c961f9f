import t from 'tap';
import { emitIfcCommands } from './ifc-commands.ts';

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
};
`;

const wanted = { structs: ['ask_out'], unions: { either: 'small' }, constants: ['OP_'] };
const text = emitIfcCommands([HEADER], wanted, 'a header').replaceAll(/\s+/g, ' ');

t.test('fields are bits, from the highest of the first byte', async (t) => {
  t.match(text, "new Struct({ name: 'ask_out', size: 0x104, size32: 0x104,");
  t.match(text, "deviceBits('status', 0x0, 8)");
  t.notMatch(text, 'reserved');
});

t.test('a chosen struct stands for a union, as a group from its first word on', async (t) => {
  t.match(text, "inline('either', { name: 'either', size: 0x18, size32: 0x18,");
  t.match(text, "deviceBits('size', 0x4, 5)");
  t.match(text, '}, 8)');
  t.notMatch(text, "'other'");
});

t.test('what is wider than a word of 64 bits is bytes', async (t) => {
  t.match(text, "array('wide', u8('', 0), 12, 4)");
  t.match(text, "deviceBits('address', 0x80, 64)");
});

t.test('constants are there by name', async (t) => {
  t.match(text, 'export const OP_ASK = 0x100;');
  t.match(text, 'constants: () => ({ OP_ASK, }),');
});
