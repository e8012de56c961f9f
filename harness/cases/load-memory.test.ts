import t from 'tap';
import { loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';

/** Memory behind pointers of an ioctl's struct, as the loader checks it. */

const GEM_ROLE = '"roles": {"device": {"provider": ["gem"]}},';

function waiting(fields: string, more = ''): string {
  return topicWith(
    `{"ioctl": {"command": "DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT", "fields": {${fields}}}${more}}`,
    '',
    GEM_ROLE,
  );
}

t.test(
  'memory is accepted, with numbers for names, and its parts can be referred to',
  async (t) => {
    const steps = `{"ioctl": {"command": "DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT", "fields": {
      "handles": {"u32": [7, "0x8"]}, "points": {"u64": ["DRM_CLOEXEC", "0xffffffffffffffff"]}}},
      "as": "reply", "gives": {"points[1]": 2, "first_signaled": 0}},
    {"equal": ["$reply.handles[1]", 8]},
    {"ioctl": {"command": "DRM_IOCTL_VERSION", "fields": {"name_len": 64, "name": {"text": "", "length": 64},
      "date": {"bytes": "zero", "length": "$reply.first_signaled"}}},
      "as": "version", "gives": {"name": "gem", "date[3]": 0}},
    {"ioctl": {"command": "DRM_IOCTL_MODE_GETCONNECTOR", "fields": {"modes_ptr": {"structs": "drm_mode_modeinfo",
      "items": [{"hdisplay": 640}], "length": 3}}}, "as": "connector"},
    {"different": ["$connector.modes_ptr[2].hdisplay", "$connector.modes_ptr[0].hdisplay"]},
    {"ioctl": {"command": "DRM_IOCTL_MODE_SETPROPERTY", "fields": {"value": {"u64": [{"u64": [1]}, {"text": "a"}]}}}}`;
    const { cases, problems } = await loadFiles({ 'x/y.json': topicWith(steps, '', GEM_ROLE) });
    t.strictSame(problems, []);
    t.match(cases[0]?.steps[0], {
      ioctl: {
        fields: { handles: { u32: [7, 8] }, points: { u64: [0x80000, '0xffffffffffffffff'] } },
      },
    });
  },
);

const rows = [
  {
    name: 'memory of a field that is no pointer',
    text: waiting(`"count_handles": ${MARK}{"u32": [1]}`),
    says: "'count_handles' is __u32, which is no pointer; give it a number or a text",
  },
  {
    name: 'memory that is nothing',
    text: waiting(`"handles": ${MARK}{"length": 3}`),
    says: 'say what the pointer leads to: one of u8, u16, u32, u64, structs, text, bytes',
  },
  {
    name: 'memory that is two things',
    text: waiting(`"handles": {"u32": [1], ${MARK}"text": "a"}`),
    says: "a pointer leads to 'u32' or to 'text'; remove one",
  },
  {
    name: 'items of numbers',
    text: waiting(`"handles": {"u32": [1], ${MARK}"items": []}`),
    says: "'items' belongs to 'structs'; list them under 'u32'",
  },
  {
    name: 'room without a length',
    text: waiting(`"handles": {${MARK}"bytes": "zero"}`),
    says: "'bytes' tells no length; add 'length'",
  },
  {
    name: 'a length that is too short',
    text: waiting(`"handles": {"u32": [1, 2], "length": ${MARK}1}`),
    says: "1 is less than the 2 that 'u32' has",
  },
  {
    name: 'a length beyond reason',
    text: waiting(`"handles": {"u32": [1, 2], "length": ${MARK}"1GiB"}`),
    says: '1073741824 is more than any call takes: at most 1048576',
  },
  {
    name: 'a length that is no size',
    text: waiting(`"handles": {"u32": [1, 2], "length": ${MARK}"2 pieces"}`),
    says: "'pieces' is no unit; terms are",
  },
  {
    name: 'a number that is too large for its kind',
    text: waiting(`"handles": {"u16": [1, ${MARK}65536]}`),
    says: 'handles[1]: 65536 is not an integer from 0 to 65535 (u16)',
  },
  {
    name: 'a constant that there is not',
    text: waiting(`"handles": {"u32": [${MARK}"DRM_CLOEXE"]}`),
    says: "'DRM_CLOEXE' is no constant of the header; did you mean 'DRM_CLOEXEC'?",
  },
  {
    name: 'a struct that there is not',
    text: waiting(`"handles": {"structs": ${MARK}"drm_mode_modinfo", "items": [{}]}`),
    says: "the headers have no struct 'drm_mode_modinfo'; did you mean 'drm_mode_modeinfo'?",
  },
  {
    name: 'a field that the struct of an item lacks',
    text: waiting(`"handles": {"structs": "drm_mode_modeinfo", "items": [{${MARK}"hdisplai": 1}]}`),
    says: "drm_mode_modeinfo has no field 'hdisplai'; it has: hdisplay",
  },
  {
    name: 'a reference to an element that there is not',
    text: waiting('"handles": {"u32": [1]}', `, "gives": {${MARK}"handles[1]": 1}`),
    says: "'handles' has 1 elements, there is no [1]",
  },
  {
    name: 'a reference to nothing inside memory',
    text: waiting(`"handles": {"u32": [${MARK}"$first"]}`),
    says: "nothing before this step makes '$first'",
  },
];

for (const { name, text, says } of rows) {
  t.test(`${name} is refused`, async (t) => {
    const { problems } = await loadFiles({ 'x/y.json': text });
    t.equal(problems.length, 1, problems.join('\n'));
    t.ok(problems[0]?.startsWith(`x/y.json:${placeOf(text)}: ${says}`), problems.join());
  });
}
