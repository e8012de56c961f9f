import t from 'tap';
import { emitIfc } from './ifc.ts';

const HEADER = `
enum {
	FIRST_OP = 0x10,
	FIRST_NEXT,
	/* not wanted */
	OTHER = BIT(3),
	FIRST_SHIFTED = 1 << 4,
};

struct mlx5_ifc_inner_bits {
	u8         a[0x8]; /* a byte */
	u8         reserved_at_8[0x18];
};

struct mlx5_ifc_own_bits {
	u8         b[0x40];
};

union mlx5_ifc_either_bits {
	struct mlx5_ifc_inner_bits inner;
	struct mlx5_ifc_own_bits own;
	u8         reserved_at_0[0x60];
};

struct mlx5_ifc_whole_bits {
	u8         opcode[0x10];
	u8         reserved_at_10[0x10];
	struct mlx5_ifc_inner_bits inner;
	struct mlx5_ifc_own_bits own;
	union mlx5_ifc_either_bits either;
	union {
		u8         c[0x20];
		u8         d[0x10];
	};
	u8         list[4][0x10];
	u8         pas[][0x40];
};
`;

const wanted = { headers: [], structs: ['own', 'whole'], constants: ['FIRST_'] };
const emitted = emitIfc([HEADER], wanted, 'a header');
const whole = emitted.slice(emitted.indexOf('export const whole'));

t.test(
  'members of nested structs are fields, those of unions and of wanted structs are one',
  async (t) => {
    t.match(whole, "'opcode': [0x0, 0x10]");
    t.match(whole, "'inner.a': [0x20, 0x8]");
    t.match(whole, "'own': [0x40, 0x40]");
    t.match(whole, "'either': [0x80, 0x60]");
    t.notMatch(whole, 'reserved');
  },
);

t.test('a struct that is opaque is one field, and not described', async (t) => {
  const text = emitIfc([HEADER], { ...wanted, structs: ['whole'], opaque: ['own'] }, 'a header');
  t.match(text, "'own': [0x40, 0x40]");
  t.notMatch(text, 'export const own');
});

t.test('a union without a name shows its members, which lie at one place', async (t) => {
  t.match(whole, "'c': [0xe0, 0x20]");
  t.match(whole, "'d': [0xe0, 0x10]");
});

t.test('arrays are their first element, and those without length take no room', async (t) => {
  t.match(whole, "'list': [0x100, 0x10]");
  t.match(whole, "'pas': [0x140, 0x40]");
  t.match(whole, 'new BitStruct(0x140,');
});

t.test('constants are counted on, and chosen by how they begin', async (t) => {
  t.match(emitted, 'export const FIRST_OP = 0x10;\nexport const FIRST_NEXT = 0x11;');
  t.match(emitted, 'export const FIRST_SHIFTED = 0x10;');
  t.notMatch(emitted, 'OTHER');
});

t.test('a struct that is not there is an error', async (t) => {
  t.throws(
    () => emitIfc([HEADER], { ...wanted, structs: ['none'] }, ''),
    /no struct mlx5_ifc_none_bits/,
  );
});
