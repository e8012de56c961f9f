import t from 'tap';
import type { Capability, Provider } from '../../providers/contract.ts';
import { GEM, loadFiles, MARK, placeOf } from './fixture-cases.ts';

/** Steps of jobs, as the loader checks them. */

const ALL: readonly Capability[] = [
  ...['job-copy', 'job-fill', 'job-fence-out', 'job-fence-in'],
  ...['job-syncobj', 'job-imported'],
] as Capability[];
const ENGINE: Provider = { ...GEM, name: 'engine', offers: [...GEM.offers, ...ALL] };

function topic(needs: readonly string[], steps: string): string {
  const whole = JSON.stringify(['alloc', 'import', 'export', ...needs]);
  return `{"topic": "Jobs", "needs": ${whole}, "cases": [{"name": "one", "title": "A case",
"rules": ["ALLOC-001"], "steps": [{"alloc": {"size": "page"}, "as": "a"}, {"alloc": {"size": "page"}, "as": "b"},
${steps}]}]}`;
}

const COPY = '"submitCopy": {"source": "$a", "target": "$b"';
const FILL = '"submitFill": {"target": "$a", "value": "0xffffffff"';

t.test('jobs, their waits and their fences are accepted', async (t) => {
  const steps = `{${COPY}, "sourceOffset": 4, "size": "page-4", "fenceOut": true}, "as": "job"},
    {${FILL}, "fenceIn": "$job", "syncobjsOut": [1, "$job.id"]}, "as": "fill"},
    {"poll": {"fd": "$job", "events": ["in"]}}, {"fenceInfo": {"syncFile": "$job.fence"}},
    {"merge": {"syncFiles": ["$job", "$job"]}}, {"waitJob": {"job": "$fill", "timeout": "1s"}},
    {"transfer": {"buffer": "$b", "to": "cpu"}}, {${FILL}}, "mayFail": ["EINVAL"]}`;
  const text = topic(
    ['job-copy', 'job-fill', 'job-fence-out', 'job-fence-in', 'job-syncobj'],
    steps,
  );
  t.strictSame((await loadFiles({ 'x/y.json': text }, [ENGINE])).problems, []);
});

const needs = [
  ['job-copy', `{${MARK}${COPY}}}`],
  ['job-fill', `{${MARK}${FILL}}}`],
  ['job-fence-out', `{${MARK}${FILL}, "fenceOut": true}}`],
  ['job-fence-in', `{${MARK}${FILL}, "fenceIn": "$a"}}`],
  ['job-syncobj', `{${MARK}${FILL}, "syncobjsIn": [1]}}`],
  [
    'job-imported',
    `{"export": {"buffer": "$a"}, "as": "d"}, {"import": {"dmabuf": "$d"}, "as": "c"},
     {${MARK}"submitFill": {"target": "$c", "value": 1}}`,
  ],
] as const;

for (const [capability, steps] of needs) {
  t.test(`a job without the need ${capability} is refused`, async (t) => {
    const text = topic(
      ALL.filter((one) => one !== capability),
      steps,
    );
    const { problems } = await loadFiles({ 'x/y.json': text }, [ENGINE]);
    const says = `this needs '${capability}' of the role 'device'; add it to its needs`;
    t.strictSame(problems, [`x/y.json:${placeOf(text)}: ${says}`]);
  });
}

const wrong = [
  [
    'a job on a mapping',
    `{"transfer": {"buffer": ${MARK}"$job", "to": "cpu"}}`,
    "'$job' is a job;",
  ],
  [
    'a wait for a buffer',
    `{"waitJob": {"job": ${MARK}"$a"}}`,
    "'$a' is a buffer; 'job' takes a job",
  ],
  [
    'a job with a size of a job',
    `{"submitFill": {"target": ${MARK}"$job", "value": 1}}`,
    "'$job' is",
  ],
  [
    'a result of what may fail',
    `{${FILL}}, "mayFail": ["EIO"], ${MARK}"as": "c"}`,
    'a step that fails',
  ],
  ['what fails and may fail', `{${FILL}}, "fails": "EIO", ${MARK}"mayFail": ["EIO"]}`, 'it stands'],
] as const;

for (const [name, step, says] of wrong) {
  t.test(`${name} is refused`, async (t) => {
    const text = topic(['job-fill'], `{${FILL}}, "as": "job"},\n${step}`);
    const { problems } = await loadFiles({ 'x/y.json': text }, [ENGINE]);
    t.equal(problems.length, 1, problems.join());
    t.ok(problems[0]?.startsWith(`x/y.json:${placeOf(text)}: ${says}`), problems.join());
  });
}
