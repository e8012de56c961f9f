import t from 'tap';
import { GEM, loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';

/** What memory that the far side may reach asks of a device. */

const RDMA = { ...GEM, name: 'gem', offers: ['verbs', 'qp-rc', 'mr-remote-write'] } as const;

function topic(needs: readonly string[], mr: string, how = ''): string {
  const made = `{${MARK}"create": {"mr": {"pd": "$pd", "mapping": "$view", ${mr}}}${how}}`;
  const steps = `{"create": {"pd": {}}, "as": "pd"}, {"map": {"length": "page"}, "as": "view"}`;
  const list = JSON.stringify(['verbs', ...needs]);
  return topicWith(`${steps},\n${made}`).replace('["alloc", "map", "export"]', list);
}

const BOTH = '"access": "local-write+remote-write"';

for (const [name, text] of [
  ['with the need', topic(['mr-remote-write'], BOTH)],
  ['with connected QPs', topic(['qp-rc'], BOTH)],
  ['that is refused', topic([], '"access": "remote-write"', ', "fails": "EINVAL"')],
  ['for the near side', topic([], '"access": ["local-write"]')],
] as const) {
  t.test(`memory ${name} is taken`, async (t) => {
    const { problems } = await loadFiles({ 'x/y.json': text }, [RDMA]);
    t.strictSame(problems, []);
  });
}

for (const access of [BOTH, '"access": ["local-write", "remote-write"]']) {
  t.test(`memory for remote writes without the need is refused: ${access}`, async (t) => {
    const text = topic([], access);
    const { problems } = await loadFiles({ 'x/y.json': text }, [RDMA]);
    const says = "this needs 'mr-remote-write' of the role 'device'; add it to its needs";
    t.strictSame(problems, [`x/y.json:${placeOf(text)}: ${says}`]);
  });
}
