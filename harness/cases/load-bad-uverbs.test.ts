import t from 'tap';
import type { Provider } from '../../providers/contract.ts';
import { GEM, loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';

/** Mistakes in `uverbs` and `uverbsWrite` steps, and that steps without any load with numbers. */

const RDMA: Provider = { ...GEM, name: 'rdma', offers: ['verbs'], headers: [] };

interface Row {
  readonly name: string;
  /** The step, with the mark where the problem is. */
  readonly step: string;
  readonly says: string;
}

const caseWith = (steps: string, head = '') =>
  topicWith(steps, head).replace('"alloc", "map", "export"', '"verbs"');

const DESTROY = '"method": "UVERBS_METHOD_PD_DESTROY"';
const PORT = '"method": "UVERBS_METHOD_QUERY_PORT"';

const methods: readonly Row[] = [
  {
    name: 'a method that there is not',
    step: `{"uverbs": {"method": ${MARK}"UVERBS_METHOD_PD_DESTROI", "attributes": {}}}`,
    says: "'UVERBS_METHOD_PD_DESTROI' is no method of uverbs; did you mean 'UVERBS_METHOD_PD_DESTROY'?",
  },
  {
    name: 'an attribute of another method',
    step: `{"uverbs": {${DESTROY}, "attributes": {${MARK}"UVERBS_ATTR_DESTROY_MR_HANDLE": 1}}}`,
    says: "'UVERBS_ATTR_DESTROY_MR_HANDLE' is no attribute of PD_DESTROY; did you mean 'UVERBS_ATTR_DESTROY_PD_HANDLE'?",
  },
  {
    name: 'room for what is no output',
    step: `{"uverbs": {${DESTROY}, "attributes": {"UVERBS_ATTR_DESTROY_PD_HANDLE": {"out": ${MARK}8}}}}`,
    says: "'UVERBS_ATTR_DESTROY_PD_HANDLE' is no output; give a value, 'bytes' or 'fields'",
  },
  {
    name: 'a value for an output',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_RESP": ${MARK}8}}}`,
    says: `'QUERY_PORT_RESP' is an output; say how much room it has: { "out": 8 }`,
  },
  {
    name: 'a new object from an attribute that makes none',
    step: `{"uverbs": {${DESTROY}, "attributes": {"UVERBS_ATTR_DESTROY_PD_HANDLE": ${MARK}"new"}}}`,
    says: 'this attribute makes no object; give its value',
  },
  {
    name: 'a constant that no header has',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_PORT_NUM": ${MARK}"UVERBS_OBJECT_PB"}}}`,
    says: "'UVERBS_OBJECT_PB' is no constant of the header; did you mean 'UVERBS_OBJECT_PD'?",
  },
  {
    name: 'a number that JSON does not hold',
    step: `{"uverbs": {${DESTROY}, "attributes": {"UVERBS_ATTR_DESTROY_PD_HANDLE": ${MARK}9007199254740993}}}`,
    says: "9007199254740992 is beyond 2^53, where JSON is not exact; write it as '0x…'",
  },
  {
    name: 'fields of what has no struct',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_PORT_NUM": {"fields": ${MARK}{"port": 1}}}}}`,
    says: "'UVERBS_ATTR_QUERY_PORT_PORT_NUM' has no struct that is known, so it has no fields; use 'bytes'",
  },
  {
    name: 'a struct that no driver has',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_UHW_IN": {"struct": ${MARK}"alloc_pb_in"}}}}`,
    says: "'alloc_pb_in' is no struct of a driver; did you mean 'alloc_pd_in'?",
  },
  {
    name: 'a field that a struct of a driver does not have',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_UHW_IN": {"struct": "alloc_pd_in", "fields": {${MARK}"opcodes": 1}}}}}`,
    says: "alloc_pd_in has no field 'opcodes'; it has: opcode, op_mod, uid",
  },
  {
    name: 'a number that a field of a command does not hold',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_UHW_IN": {"struct": "alloc_pd_in", "fields": {"uid": ${MARK}65536}}}}}`,
    says: 'uid: 65536 is not an integer from 0 to 65535 (u16)',
  },
  {
    name: 'a result that a struct of a driver does not have',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_UHW_OUT": {"struct": "alloc_pd_out", "out": 16}}}, "gives": {${MARK}"UVERBS_ATTR_UHW_OUT.pb": 0}}`,
    says: "alloc_pd_out has no field 'pb'; it has: pd, status, syndrome",
  },
  ...(['without', 'twice'] as const).map((key) => ({
    name: `an attribute ${key} that the step does not give`,
    step: `{"uverbs": {${DESTROY}, "attributes": {"UVERBS_ATTR_DESTROY_PD_HANDLE": 1}, "${key}": ${MARK}"UVERBS_ATTR_UHW_IN"}}`,
    says: "the step gives no attribute 'UVERBS_ATTR_UHW_IN'; did you mean 'UVERBS_ATTR_DESTROY_PD_HANDLE'?",
  })),
  {
    name: 'an optional attribute that the step does not give',
    step: `{"uverbs": {${DESTROY}, "attributes": {"UVERBS_ATTR_DESTROY_PD_HANDLE": 1}, "optional": [${MARK}"UVERBS_ATTR_UHW_IN"]}}`,
    says: "the step gives no attribute 'UVERBS_ATTR_UHW_IN'; did you mean 'UVERBS_ATTR_DESTROY_PD_HANDLE'?",
  },
  {
    name: 'a result of an attribute that was not asked for',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_RESP": {"out": 48}}}, "gives": {${MARK}"UVERBS_ATTR_QUERY_PORT_RISP.reserved": 0}}`,
    says: "the step has no attribute 'UVERBS_ATTR_QUERY_PORT_RISP', so it gives none; did you mean 'UVERBS_ATTR_QUERY_PORT_RESP'?",
  },
  {
    name: 'a view of an attribute that was not asked for',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_RESP": {"out": 48}}}, "gives": {${MARK}"tail.UVERBS_ATTR_UHW_OUT": 0}}`,
    says: "the step has no attribute 'UVERBS_ATTR_UHW_OUT', so it gives none; did you mean 'UVERBS_ATTR_QUERY_PORT_RESP'?",
  },
  {
    name: 'a field that the struct of an output has not',
    step: `{"uverbs": {${PORT}, "attributes": {"UVERBS_ATTR_QUERY_PORT_RESP": {"out": 48}}}, "gives": {${MARK}"UVERBS_ATTR_QUERY_PORT_RESP.stat": 0}}`,
    says: "ib_uverbs_query_port_resp_ex has no field 'stat'; it has: reserved, legacy_resp, port_cap_flags2, active_speed_ex",
  },
];

const commands: readonly Row[] = [
  {
    name: 'a command that there is not',
    step: `{"uverbsWrite": {"command": ${MARK}"IB_USER_VERBS_CMD_ALLOC_PB"}}`,
    says: "'IB_USER_VERBS_CMD_ALLOC_PB' is no write command of uverbs; did you mean 'IB_USER_VERBS_CMD_ALLOC_PD'?",
  },
  {
    name: 'an extended command by the plain name',
    step: `{"uverbsWrite": {"command": ${MARK}"IB_USER_VERBS_CMD_EX_CREATE_CQ"}}`,
    says: "'IB_USER_VERBS_CMD_EX_CREATE_CQ' is no write command of uverbs; did you mean 'IB_USER_VERBS_CMD_CREATE_CQ'?",
  },
  {
    name: 'a field that the request has not',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_DEALLOC_PD", "fields": {${MARK}"handle": 1}}}`,
    says: "ib_uverbs_dealloc_pd has no field 'handle'; it has: pd_handle",
  },
  {
    name: 'a number that does not fit a field',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_DEALLOC_PD", "fields": {"pd_handle": ${MARK}4294967296}}}`,
    says: 'pd_handle: 4294967296 is not an integer from 0 to 4294967295 (u32)',
  },
  {
    name: 'a number in text that does not fit a field',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_DEALLOC_PD", "fields": {"pd_handle": ${MARK}"0x100000000"}}}`,
    says: 'pd_handle: 4294967296n is not an integer from 0 to 4294967295 (u32)',
  },
  {
    name: 'a result of a command that has none',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_DEALLOC_PD"}, "gives": {${MARK}"pd_handle": 1}}`,
    says: 'DEALLOC_PD has no response',
  },
  {
    name: 'a field that the response has not',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_ALLOC_PD"}, "gives": {${MARK}"handle": 1}}`,
    says: "ib_uverbs_alloc_pd_resp has no field 'handle'; it has: pd_handle, driver_data",
  },
  {
    name: 'a constant in a header that no header has',
    step: `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_ALLOC_PD", "header": {"command": ${MARK}"IB_USER_VERBS_CMD_X"}}}`,
    says: "'IB_USER_VERBS_CMD_X' is no constant of the header;",
  },
];

for (const { name, step, says } of [...methods, ...commands]) {
  t.test(name, async (t) => {
    const text = caseWith(step);
    const { problems } = await loadFiles({ 'area/topic.json': text }, [RDMA]);
    const [problem = '', ...others] = problems;
    const wanted = `area/topic.json:${placeOf(text)}: ${says}`;
    t.equal(/[?;]$/.test(says) ? problem.slice(0, wanted.length) : problem, wanted);
    t.strictSame(others, []);
  });
}

t.test('each value of a parameter that names a method or a command is looked at', async (t) => {
  for (const [step, bad] of [
    [`{"uverbs": {"method": "$what", "attributes": {}}}`, 'UVERBS_METHOD_PD_DESTROI'],
    [`{"uverbsWrite": {"command": "$what"}}`, 'IB_USER_VERBS_CMD_ALLOC_PB'],
  ] as const) {
    const text = caseWith(step, `"parameters": {"what": [${MARK}"${bad}"]},`);
    const { problems } = await loadFiles({ 'area/topic.json': text }, [RDMA]);
    t.match(problems[0] ?? '', `area/topic.json:${placeOf(text)}: '${bad}' does not fit $what`);
  }
});

t.test('constants become numbers, sizes and references stay', async (t) => {
  const steps = [
    `{"uverbs": {"method": "UVERBS_METHOD_INFO_HANDLES", "attributes": {
      "UVERBS_ATTR_INFO_OBJECT_ID": "UVERBS_OBJECT_PD",
      "UVERBS_ATTR_INFO_TOTAL_HANDLES": {"out": 4},
      "UVERBS_ATTR_INFO_HANDLES_LIST": {"out": "page"}, "0x1000": 7},
      "without": "0x1000"}, "gives": {"UVERBS_ATTR_INFO_TOTAL_HANDLES": 0}, "as": "told"}`,
    `{"uverbsWrite": {"command": "IB_USER_VERBS_CMD_DEALLOC_PD", "fields": {
      "pd_handle": "$told.UVERBS_ATTR_INFO_TOTAL_HANDLES"}}}`,
  ];
  const { cases, problems } = await loadFiles({ 'area/topic.json': caseWith(steps.join(',\n')) }, [
    RDMA,
  ]);
  t.strictSame(problems, []);
  t.match(cases[0]?.steps, [
    { uverbs: { attributes: { UVERBS_ATTR_INFO_OBJECT_ID: 1 } } },
    { uverbsWrite: { fields: { pd_handle: '$told.UVERBS_ATTR_INFO_TOTAL_HANDLES' } } },
  ]);
});
