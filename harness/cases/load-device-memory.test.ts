import t from 'tap';
import { GEM, loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';

/** Memory of an RDMA device in a case: how it is mapped, and exported. */

const RDMA = {
  ...GEM,
  name: 'gem',
  offers: ['verbs', 'device-memory', 'device-memory-map', 'offset-export'],
} as const;

const DM = '{"create": {"dm": {"length": "page"}}, "as": "dm"}';

function topic(needs: readonly string[], steps: string): string {
  const list = JSON.stringify(['verbs', 'device-memory', ...needs]);
  return topicWith(`${DM},\n${steps}`).replace('["alloc", "map", "export"]', list);
}

t.test('memory of the device is mapped and exported, by its offset', async (t) => {
  const steps = `{"map": {"what": "$dm"}, "as": "view"},
    {"fill": {"mapping": "$view", "pattern": "zero", "offset": "$dm.start", "length": "$dm.length"}},
    {"export": {"offset": "$dm.offset+page"}, "as": "dmabuf"}, {"open": {}, "as": "other"},
    {"on": "other", "export": {"offset": "$dm.offset"}, "fails": "EINVAL"},
    {"sync": {"dmabuf": "$dmabuf", "phase": "start", "access": "read"}}`;
  const text = topic(['device-memory-map', 'offset-export'], steps);
  const { problems } = await loadFiles({ 'x/y.json': text }, [RDMA]);
  t.strictSame(problems, []);
});

const MAP = `{${MARK}"map": {"what": "$dm"}, "as": "view"}`;
const EXPORT = `{${MARK}"export": {"offset": "$dm.offset"}, "as": "dmabuf"}`;

for (const [capability, step] of [
  ['device-memory-map', MAP],
  ['offset-export', EXPORT],
] as const) {
  t.test(`memory of the device without the need ${capability} is refused`, async (t) => {
    const text = topic([], step);
    const { problems } = await loadFiles({ 'x/y.json': text }, [RDMA]);
    const says = `this needs '${capability}' of the role 'device'; add it to its needs`;
    t.strictSame(problems, [`x/y.json:${placeOf(text)}: ${says}`]);
  });
}

for (const [name, step] of [
  ['nothing', `{"export": ${MARK}{}, "as": "dmabuf"}`],
  ['two things', `{"export": ${MARK}{"offset": 0, "buffer": "$dm"}, "as": "dmabuf"}`],
  ['pages with rights', `{"export": ${MARK}{"offset": 0, "access": "read"}, "as": "dmabuf"}`],
] as const) {
  t.test(`an export of ${name} is refused`, async (t) => {
    const text = topic(['offset-export'], step);
    const { problems } = await loadFiles({ 'x/y.json': text }, [RDMA]);
    t.ok(problems[0]?.startsWith(`x/y.json:${placeOf(text)}: `), problems.join());
  });
}
