import t from 'tap';
import { GEM, HEAP, loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';
import { VERBS } from './verbs.ts';

interface Row {
  readonly name: string;
  /** The file, with the mark where the problem is. */
  readonly text: string;
  /** What the message says after file and place. */
  readonly says: string;
}

const ALLOC = '{"alloc": {"size": "page"}, "as": "buffer"}';
const MAP = '{"map": {"what": "$buffer"}, "as": "mapping"}';

const files: readonly Row[] = [
  {
    name: 'text that is no JSON',
    text: '{"topic": "A topic"\n"cases": []}'.replace('\n', `\n${MARK}`),
    says: 'not JSON: Unexpected token String',
  },
  {
    name: 'a file that ends in the middle',
    text: `{"topic": "A topic"${MARK}`,
    says: 'not JSON: Unexpected end of input',
  },
  {
    name: 'a byte order mark',
    text: `${MARK}\ufeff{"topic": "A topic"}`,
    says: 'not JSON: a byte order mark; save it as plain UTF-8',
  },
  {
    name: 'a key that stands twice',
    text: `{"topic": "A topic", ${MARK}"topic": "B topic",\n"cases": [{"name": "one", "title": "A case", "rules": ["ALLOC-001"], "steps": [{"openFds": {}}]}]}`,
    says: "'topic' stands twice in one object; one of the two would be ignored; remove or rename it",
  },
  {
    name: 'a topic without cases',
    text: `${MARK}{"topic": "A topic"}`,
    says: "'the file' needs 'cases'",
  },
  {
    name: 'an unknown key of a topic',
    text: topicWith(ALLOC, '', `\n  ${MARK}"rolls": {},`),
    says: "unknown key 'rolls'; did you mean 'roles'?",
  },
];

const heads: readonly Row[] = [
  {
    name: 'an unknown key of a case',
    text: topicWith(ALLOC, `\n${MARK}"timout": "1s",`),
    says: "unknown key 'timout'; did you mean 'timeout'?",
  },
  {
    name: 'a title that is too short',
    text: topicWith(ALLOC).replace('"A case"', `${MARK}"A"`),
    says: "'A' is not a text of 3 to 160 characters",
  },
  {
    name: 'a title that is a wish',
    text: topicWith(ALLOC).replace('"A case"', `${MARK}"It should work"`),
    says: "'should' makes the title a wish; say what is so when the case passes",
  },
  {
    name: 'a rule that there is not',
    text: topicWith(ALLOC).replace('"ALLOC-001"', `${MARK}"ALOC-001"`),
    says: "there is no rule 'ALOC-001'; did you mean 'ALLOC-001'?",
  },
  {
    name: 'a bad duration',
    text: topicWith(ALLOC, `"timeout": ${MARK}"1 minute",`),
    says: "'1 minute' is not a duration: a whole number of us, ms or s, as in `10ms`",
  },
  {
    name: 'a bad regular expression',
    text: topicWith(ALLOC, `"expectLog": [${MARK}"("],`),
    says: 'Invalid regular expression: /(/: Unterminated group',
  },
  {
    name: 'two cases of one name',
    text: topicWith(ALLOC).replace(
      /\]\}\n$/,
      `,\n{"name": ${MARK}"one", "title": "Other", "rules": ["ALLOC-001"], "steps": [${ALLOC}]}]}`,
    ),
    says: "the case of line 2 is named 'one' too; rename one",
  },
  {
    name: 'a capability that there is not',
    text: topicWith(ALLOC, `"needs": [${MARK}"alocc"],`),
    says: "'alocc' is no capability; did you mean 'alloc'?",
  },
  {
    name: 'a provider that there is not',
    text: topicWith(ALLOC, `"roles": {"device": {"provider": [${MARK}"gen"]}},`),
    says: "there is no provider 'gen'; did you mean 'gem'? known: gem, heap; load others with --provider PATH",
  },
  {
    name: 'a role that nobody can play',
    text: topicWith(ALLOC, '"needs": ["alloc-access", "import"],').replace(
      '{"name"',
      `${MARK}{"name"`,
    ),
    says: "nobody can play the role 'device': no provider offers all of alloc, map, export, alloc-access, import",
  },
  {
    name: 'a role that reaches none of the others',
    text: topicWith(
      `${ALLOC}, {"alloc": {"size": 1}, "on": "peer"}`,
      `"roles": {"device": {"needs": ["alloc"]}, "peer": {"needs": ["alloc"], "reaches": ${MARK}"peer"}},`,
    ),
    says: "'peer' is no other role of the case; did you mean 'device'? known: device",
  },
  {
    name: 'needs without the role that they are for',
    text: topicWith(ALLOC, `"roles": {"maker": {"needs": ["alloc"]}}, ${MARK}"needs": ["map"],`),
    says: "no role is named 'device'; write the needs into the roles",
  },
  {
    name: 'a role that no step acts on',
    text: topicWith(ALLOC, `"roles": {"device": {}, ${MARK}"peer": {"needs": ["alloc"]}},`),
    says: "no step acts on the role 'peer'; name it in 'on' or remove it",
  },
  {
    name: 'a role without a name that references can have',
    text: topicWith(ALLOC, `"roles": {${MARK}"the-peer": {}},`),
    says: "'the-peer' is not a name: letters and digits, a lower-case letter first",
  },
];

const parameters: readonly Row[] = [
  {
    name: 'a parameter that no step uses',
    text: topicWith(ALLOC, `"parameters": {${MARK}"size": [1, 2]},`),
    says: "no step uses the parameter 'size'; use $size or remove it",
  },
  {
    name: 'a parameter that is named like a role',
    text: topicWith(ALLOC, `"parameters": ${MARK}{"device": [1]},`),
    says: "the parameter 'device' is named like a role; rename it",
  },
  {
    name: 'a row without one of the parameters',
    text: topicWith(
      '{"alloc": {"size": "$a+$b"}}',
      `"parameters": [{"a": 1, "b": 1}, ${MARK}{"a": 2}],`,
    ),
    says: "this row has no 'b', others have",
  },
  {
    name: 'values that look the same',
    text: topicWith('{"alloc": {"size": "$a"}}', `"parameters": {"a": [1, ${MARK}"1"]},`),
    says: 'values 1 and 2 look the same in an id; remove one',
  },
  {
    name: 'a row that stands twice',
    text: topicWith('{"alloc": {"size": "$a"}}', `"parameters": [{"a": 1}, ${MARK}{"a": 1}],`),
    says: 'rows 1 and 2 look the same in an id; remove one',
  },
  {
    name: 'a value that is no size where a size is wanted',
    text: topicWith(
      '{"alloc": {"size": "$size"}}',
      `"parameters": {"size": ["page", ${MARK}"3kB"]},`,
    ),
    says: "'3kB' does not fit $size of line 4: 'kB' is no unit; terms are 4096, 0x1000, 64KiB (B, KiB, MiB, GiB), page, 2 pages and $name",
  },
  {
    name: 'a value that is no access where one is wanted',
    text: topicWith(
      `${ALLOC},\n{"map": {"what": "$buffer", "access": "$how"}}`,
      `"parameters": {"how": [${MARK}"rw"]},`,
    ),
    says: "'rw' does not fit $how of line 5: 'rw' is not `read`, `write`, `read-write` or a reference to a parameter",
  },
  {
    name: 'a value that does not fit the field',
    text: topicWith(
      '{"ioctl": {"command": "DRM_IOCTL_GEM_CLOSE", "fields": {"handle": "$handle"}}, "fails": "EINVAL"}',
      `"roles": {"device": {"provider": ["gem"]}}, "parameters": {"handle": [0, ${MARK}-1]},`,
    ),
    says: '-1 does not fit $handle of line 4: handle: -1 is not an integer from 0 to 4294967295 (u32)',
  },
];

const steps: readonly Row[] = [
  {
    name: 'an unknown verb',
    text: topicWith(`{${MARK}"aloc": {"size": 1}}`),
    says: "unknown verb or key 'aloc'; did you mean 'alloc'?",
  },
  {
    name: 'a step without a verb',
    text: topicWith(`${MARK}{"note": "nothing"}`),
    says: `a step needs one verb; the verbs are ${Object.keys(VERBS).join(', ')}`,
  },
  {
    name: 'a step with two verbs',
    text: topicWith(`{"alloc": {"size": 1}, ${MARK}"openFds": {}}`),
    says: "a step has one verb, here are 'alloc' and 'openFds'; make it two steps",
  },
  {
    name: 'an unknown argument',
    text: topicWith(`{"alloc": {"size": 1, ${MARK}"acces": "read"}}`),
    says: "unknown key 'acces'; did you mean 'access'?",
  },
  {
    name: 'an argument for a verb that takes none',
    text: topicWith(`{"openFds": {${MARK}"all": true}}`),
    says: "unknown key 'all'; there is none here, write {}",
  },
  {
    name: 'a missing argument',
    text: topicWith(`{"alloc": ${MARK}{}}`),
    says: "'alloc' needs 'size'",
  },
  {
    name: 'a value that is not one of the known ones',
    text: topicWith(
      `${ALLOC},\n{"seek": {"fd": "$buffer", "offset": 0, "whence": ${MARK}"start"}}`,
    ),
    says: "'start' is not known here; did you mean 'set'?",
  },
  {
    name: 'a reference to nothing',
    text: topicWith(`${ALLOC},\n{"free": {"buffer": ${MARK}"$bufer"}}`),
    says: "nothing before this step makes '$bufer'; did you mean '$buffer'?",
  },
  {
    name: 'a reference to what a later step makes',
    text: topicWith(`{"free": {"buffer": ${MARK}"$buffer"}},\n${ALLOC}`),
    says: "nothing before this step makes '$buffer'; did you mean '$device'? known: $device",
  },
  {
    name: 'a reference inside a size',
    text: topicWith(`${ALLOC},\n{"alloc": {"size": ${MARK}"$buffer.sise+page"}}`),
    says: "'$buffer' has no field 'sise'; did you mean 'size'?",
  },
  {
    name: 'the wrong kind of thing',
    text: topicWith(`${ALLOC},\n${MAP},\n{"free": {"buffer": ${MARK}"$mapping"}}`),
    says: "'$mapping' is a mapping; 'buffer' takes a buffer",
  },
  {
    name: 'a text that starts like a reference',
    text: topicWith(`${ALLOC},\n{"equal": [${MARK}"$buffer size", 1]}`),
    says: "'$buffer size' is no term of a size; terms are 4096, 0x1000, 64KiB (B, KiB, MiB, GiB), page, 2 pages and $name",
  },
  {
    name: 'a bad size',
    text: topicWith(`{"alloc": {"size": ${MARK}"2 page + x"}}`),
    says: "'x' in '2 page + x' is no term of a size; terms are 4096, 0x1000, 64KiB (B, KiB, MiB, GiB), page, 2 pages and $name",
  },
  {
    name: 'a name that is taken',
    text: topicWith(`${ALLOC},\n{"alloc": {"size": 1}, "as": ${MARK}"buffer"}`),
    says: "the name 'buffer' is taken; choose another",
  },
  {
    name: 'a name that is a role',
    text: topicWith(`{"alloc": {"size": 1}, "as": ${MARK}"device"}`),
    says: "the name 'device' is taken; choose another",
  },
  {
    name: 'a name for nothing',
    text: topicWith(`${ALLOC},\n{"free": {"buffer": "$buffer"}, ${MARK}"as": "freed"}`),
    says: "'free' gives nothing; remove 'as'",
  },
  {
    name: 'a session that there is not',
    text: topicWith(`{"on": ${MARK}"devise", "alloc": {"size": 1}}`),
    says: "'devise' is no role and no open session; did you mean 'device'? known: device",
  },
  {
    name: 'a session that is none',
    text: topicWith(`${ALLOC},\n{"on": ${MARK}"buffer", "alloc": {"size": 1}}`),
    says: "'buffer' is no role and no open session; did you mean 'device'? known: device",
  },
  {
    name: 'a session for a verb without one',
    text: topicWith(`{${MARK}"on": "device", "openFds": {}}`),
    says: "'openFds' acts on no session; remove 'on'",
  },
  {
    name: 'a result of a step that fails',
    text: topicWith(`{"alloc": {"size": 0}, "fails": "EINVAL", ${MARK}"as": "buffer"}`),
    says: "a step that fails gives nothing; remove 'as' or 'fails'",
  },
  {
    name: 'fields of a step that fails',
    text: topicWith(`{"alloc": {"size": 0}, "fails": "EINVAL", ${MARK}"gives": {"size": 0}}`),
    says: "a step that fails gives nothing; remove 'gives' or 'fails'",
  },
  {
    name: 'an expected failure of a check',
    text: topicWith(`{"equal": [1, 2], ${MARK}"fails": "EINVAL"}`),
    says: "'equal' makes no call that could fail; remove 'fails'",
  },
  {
    name: 'an unknown field of a result',
    text: topicWith(`{"alloc": {"size": 1}, "gives": {${MARK}"sise": 1}}`),
    says: "'alloc' has no field 'sise'; did you mean 'size'?",
  },
  {
    name: 'an unknown errno',
    text: topicWith(`{"alloc": {"size": 0}, "fails": ${MARK}"EINVALID"}`),
    says: "'EINVALID' is no errno; did you mean 'EINVAL'?",
  },
  {
    name: 'one unknown errno of several',
    text: topicWith(`{"alloc": {"size": 0}, "fails": ["EINVAL", ${MARK}"ENOENTRY"]}`),
    says: "'ENOENTRY' is no errno; did you mean 'ENOENT'?",
  },
  {
    name: 'a second name of an errno',
    text: topicWith(`{"alloc": {"size": 0}, "fails": ${MARK}"EWOULDBLOCK"}`),
    says: "'EWOULDBLOCK' is another name of EAGAIN; write that",
  },
  {
    name: 'an errno of the kernel itself',
    text: topicWith(`{"alloc": {"size": 0}, "fails": ${MARK}"ENOTSUPP"}`),
    says: "'ENOTSUPP' never leaves a sound kernel, so no case can ask for it",
  },
  {
    name: 'bounds of time that exclude each other',
    text: topicWith(`{"openFds": {}, "takes": ${MARK}{"atLeast": "1s", "atMost": "10ms"}}`),
    says: "'atLeast' is longer than 'atMost'; swap them",
  },
  {
    name: 'time for what is there at once',
    text: topicWith(`{"openFds": {}, "gives": {"count": 3}, ${MARK}"within": "1s"}`),
    says: "it is how long an 'fdInfo' may take to give what it 'gives'; remove it",
  },
  {
    name: 'a touch outside another process',
    text: topicWith(
      `${ALLOC},\n${MAP},\n{${MARK}"touch": {"mapping": "$mapping", "offset": 0, "how": "read"}}`,
    ),
    says: "'touch' may end its process; put it into the steps of a 'process'",
  },
  {
    name: 'a verb that the case does not say it needs',
    text: topicWith(`{"alloc": {"size": 1}, "as": "b"},\n{${MARK}"import": {"dmabuf": "$b.fd"}}`),
    says: "this needs 'import' of the role 'device'; add it to its needs",
  },
  {
    name: 'a refusal of something that is no import',
    text: topicWith(`{"alloc": {"size": 1}, ${MARK}"mayRefuse": ["ENODEV"]}`),
    says: "only an 'import' without 'fails' may be refused; remove it",
  },
  {
    name: 'a mistake inside a repetition',
    text: topicWith(`{"repeat": {"times": 2, "steps": [{"free": {"buffer": ${MARK}"$b"}}]}}`),
    says: "nothing before this step makes '$b'; did you mean '$device'? known: $device",
  },
  {
    name: 'a name of a round used after it',
    text: topicWith(
      `{"repeat": {"times": 2, "steps": [${ALLOC}]}},\n{"free": {"buffer": ${MARK}"$buffer"}}`,
    ),
    says: "nothing before this step makes '$buffer'; did you mean '$device'? known: $device",
  },
  {
    name: 'a name that was not passed to the other process',
    text: topicWith(`${ALLOC},\n{"process": {"steps": [{"stat": {"fd": ${MARK}"$buffer"}}]}}`),
    says: "nothing before this step makes '$buffer'; none are known",
  },
  {
    name: 'a buffer passed to the other process',
    text: topicWith(
      `${ALLOC},\n{"process": {"pass": [${MARK}"$buffer"], "steps": [{"openFds": {}}]}}`,
    ),
    says: "'$buffer' is a buffer; 'pass' takes a session or a dmabuf or a sync-file or a memory or a descriptor or a mapping or a job or a RDMA object",
  },
  {
    name: 'a name given back that nothing made',
    text: topicWith(`{"process": {"give": [${MARK}"fd"], "steps": [{"openFds": {}}]}}`),
    says: "no step inside makes 'fd'; none are known",
  },
];

const ioctl = (rest: string, top = '') =>
  topicWith(
    `{"ioctl": {"command": "DRM_IOCTL_GEM_CLOSE"${rest}}${top}}`,
    '"roles": {"device": {"provider": ["gem"]}},',
  );

const ioctls: readonly Row[] = [
  {
    name: 'an unknown command',
    text: ioctl('').replace('"DRM_IOCTL_GEM_CLOSE"', `${MARK}"DRM_IOCTL_GEM_CLOS"`),
    says: "'DRM_IOCTL_GEM_CLOS' is no command of gem; did you mean 'DRM_IOCTL_GEM_CLOSE'?",
  },
  {
    name: 'a command that not all who can play the role know',
    text: topicWith(`{"ioctl": {"command": ${MARK}"DRM_IOCTL_GEM_CLOSE"}}`),
    says: "'DRM_IOCTL_GEM_CLOSE' is no command of heap, which the role also allows; name the providers of the role, or what it needs",
  },
  {
    name: 'an unknown field',
    text: ioctl(`, "fields": {${MARK}"handel": 0}`),
    says: "drm_gem_close has no field 'handel'; it has: handle, pad",
  },
  {
    name: 'a number that does not fit',
    text: ioctl(`, "fields": {"handle": ${MARK}4294967296}`),
    says: 'handle: 4294967296 is not an integer from 0 to 4294967295 (u32)',
  },
  {
    name: 'a number in text that does not fit',
    text: ioctl(`, "fields": {"handle": ${MARK}"0x100000000"}`),
    says: 'handle: 4294967296n is not an integer from 0 to 4294967295 (u32)',
  },
  {
    name: 'a fraction',
    text: ioctl(`, "fields": {"handle": ${MARK}1.5}`),
    says: 'handle: 1.5 is not an integer from 0 to 4294967295 (u32)',
  },
  {
    name: 'a number that JSON does not hold',
    text: ioctl(`, "fields": {"handle": ${MARK}9007199254740993}`),
    says: "9007199254740992 is beyond 2^53, where JSON is not exact; write it as '0x…'",
  },
  {
    name: 'an unknown constant',
    text: ioctl(`, "fields": {"handle": ${MARK}"DRM_CLOEXEC|DRM_RDRW"}`),
    says: "'DRM_RDRW' is no constant of the header; did you mean 'DRM_RDWR'?",
  },
  {
    name: 'a list for one value',
    text: ioctl(`, "fields": {"handle": ${MARK}[1, 2]}`),
    says: "'handle' is __u32, which takes one value and no list",
  },
  {
    name: 'an unknown field of the reply',
    text: ioctl('', `, "gives": {${MARK}"handel": 1}`),
    says: "drm_gem_close has no field 'handel'; it has: handle, pad",
  },
];

for (const table of [files, heads, parameters, steps, ioctls]) {
  for (const { name, text, says } of table) {
    t.test(name, async (t) => {
      const { problems } = await loadFiles({ 'area/topic.json': text }, [GEM, HEAP]);
      const [problem = '', ...others] = problems;
      const wanted = `area/topic.json:${placeOf(text)}: ${says}`;
      t.equal(says.endsWith('?') ? problem.slice(0, wanted.length) : problem, wanted);
      t.strictSame(others, []);
    });
  }
}
