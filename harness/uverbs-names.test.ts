import t from 'tap';
import { mlx5_ib_alloc_pd_resp } from '../uapi/headers/rdma/mlx5-abi.ts';
import { mlx5_ib_uapi_query_port } from '../uapi/headers/rdma/mlx5-user-ioctl-verbs.ts';
import { uverbsDriverMethods } from '../uapi/headers/rdma/uverbs-driver-methods.ts';
import { uverbsMethods } from '../uapi/headers/rdma/uverbs-methods.ts';
import {
  attributeNamed,
  attributeNames,
  attributeStruct,
  commandsByName,
  destroyerOf,
  isNumber,
  methodsByName,
} from './uverbs-names.ts';

t.test('methods and commands go by the names of the headers', async (t) => {
  for (const [name, object, id] of [
    ['UVERBS_METHOD_PD_DESTROY', 'PD', 0],
    ['UVERBS_METHOD_QUERY_MR', 'MR', 3],
    ['EFA_IB_METHOD_MR_QUERY', 'MR', 4096],
    ['MLX5_IB_METHOD_DEVX_OTHER', 'MLX5_IB_OBJECT_DEVX', 4096],
  ] as const) {
    const method = methodsByName().get(name);
    t.match(method, { id, object: { name: object } }, name);
  }
  for (const [name, id, extended] of [
    ['IB_USER_VERBS_CMD_ALLOC_PD', 3, false],
    ['IB_USER_VERBS_CMD_CREATE_CQ', 18, false],
    ['IB_USER_VERBS_EX_CMD_CREATE_CQ', 18, true],
  ] as const) {
    t.match(commandsByName().get(name), { id, extended }, name);
  }
  t.equal(methodsByName().get('PD_DESTROY'), undefined, 'the name of the description is none');
});

t.test(
  'the bytes of an attribute are what its description says, or what a step names',
  async (t) => {
    const port = uverbsDriverMethods.MLX5_IB_METHOD_QUERY_PORT;
    const described = attributeNamed(port, 'MLX5_IB_ATTR_QUERY_PORT');
    t.equal(attributeStruct(described, undefined), mlx5_ib_uapi_query_port);
    t.equal(attributeStruct(undefined, undefined), undefined);
    t.equal(attributeStruct(undefined, 'mlx5_ib_alloc_pd_resp'), mlx5_ib_alloc_pd_resp);
    t.equal(attributeStruct(described, 'mlx5_ib_alloc_pd_resp'), mlx5_ib_alloc_pd_resp);
    t.equal(attributeStruct(described, 'mlx5_ib_no_such'), undefined, 'not what it is otherwise');
  },
);

t.test('an attribute goes by its name, the name of the description, or its number', async (t) => {
  const method = uverbsMethods.PD_DESTROY;
  const { id } = attributeNamed(method, 'UVERBS_ATTR_DESTROY_PD_HANDLE') ?? {};
  t.equal(id, 0);
  t.equal(attributeNamed(method, 'DESTROY_PD_HANDLE')?.id, id);
  t.equal(attributeNamed(method, `0x${id}`)?.name, 'DESTROY_PD_HANDLE');
  t.equal(attributeNamed(method, '0x77'), undefined);
  t.equal(attributeNamed(method, 'UVERBS_ATTR_DESTROY_MR_HANDLE'), undefined);
  t.strictSame(
    [...attributeNames(method)].sort(),
    ['UVERBS_ATTR_DESTROY_PD_HANDLE', 'UVERBS_ATTR_UHW_IN', 'UVERBS_ATTR_UHW_OUT'],
    'the driver may have data with every method',
  );
});

t.test('only lower-case hexadecimal text is a number', async (t) => {
  for (const [text, is] of [
    ['0x0', true],
    ['0x1fff', true],
    ['0xFF', false],
    ['12', false],
    ['x', false],
    ['0x', false],
  ] as const) {
    t.equal(isNumber(text), is, text);
  }
});

t.test('objects have the method that destroys them', async (t) => {
  for (const [object, name] of [
    ['PD', 'PD_DESTROY'],
    ['MR', 'MR_DESTROY'],
    ['CQ', 'CQ_DESTROY'],
    ['QP', 'QP_DESTROY'],
    ['FLOW', 'FLOW_DESTROY'],
    ['MLX5_IB_OBJECT_DEVX_OBJ', 'MLX5_IB_METHOD_DEVX_OBJ_DESTROY'],
  ] as const) {
    const destroyer = destroyerOf(object);
    t.equal(destroyer?.method.name, name);
    t.match(destroyer?.handle, { object, access: 'destroy' });
  }
  t.equal(destroyerOf('ASYNC_EVENT'), undefined, 'a descriptor is closed');
  t.equal(destroyerOf('NOTHING'), undefined);
});
