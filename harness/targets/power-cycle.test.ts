import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { playOn, point } from '../run/play.ts';
import { type Script, scriptedTarget } from '../run/scripted-agent.ts';
import type { Target } from '../target.ts';
import { withPowerCycle } from './power-cycle.ts';

/** A board that answers as told, boot by boot; its connections lead nowhere. */
function board(answers: (string | undefined)[]) {
  const target: Target = {
    name: 'ssh:board',
    canReturn: false,
    timeoutScale: 1,
    connect: async () => ({
      input: process.stdout,
      output: process.stdin,
      lost: new Promise(() => {}),
      close: async () => {},
    }),
  };
  const bootId = async () => (answers.length > 1 ? answers.shift() : answers[0]);
  return { target, bootId };
}

const FAST = { limitMs: 200, pollMs: 1 };
const quiet = () => {};

t.test('a board is restarted before it is connected again, and not before that', async (t) => {
  const log = join(t.testdir({}), 'log');
  // Before; still up; down; up again with another boot.
  const { target, bootId } = board(['one', 'one', undefined, 'two', 'two']);
  const command = `echo cycled >> ${log}`;
  const cycled = withPowerCycle(target, { command, bootId, ...FAST });
  t.match(cycled, { canReturn: true, bootsAnew: true, name: 'ssh:board' });
  await cycled.connect(quiet);
  t.throws(() => readFileSync(log), { code: 'ENOENT' });
  const said: string[] = [];
  await cycled.connect((line) => said.push(line));
  t.equal(readFileSync(log, 'utf8'), 'cycled\n');
  t.match(said, [/power-cycling ssh:board/, /waiting for/, /waiting for/]);
});

t.test('a board that does not tell its boot is asked again, and then refused', async (t) => {
  const late = board([undefined, undefined, 'one']);
  await withPowerCycle(late.target, { command: 'true', bootId: late.bootId, ...FAST }).connect(
    quiet,
  );
  const silent = board([undefined]);
  const cycled = withPowerCycle(silent.target, { command: 'true', bootId: silent.bootId, ...FAST });
  await t.rejects(cycled.connect(quiet), {
    message: /ssh:board does not tell which boot it is in/,
  });
});

const FAILURES = [
  {
    name: 'a command that fails is named with its words',
    command: 'echo no relay >&2; exit 7',
    answers: ['one'],
    message: /--power-cycle 'echo no relay.*failed: it exited with 7\. no relay/,
  },
  {
    name: 'a command that restarts nothing is told',
    command: 'true',
    answers: ['one'],
    message: /'true' did not restart it within 0.2 s/,
  },
  {
    name: 'a board that stays away is told',
    command: 'true',
    answers: ['one', undefined],
    message: /'true' brought no answer from it within 0.2 s/,
  },
];
for (const { name, command, answers, message } of FAILURES) {
  t.test(name, async (t) => {
    const { target, bootId } = board(answers);
    const cycled = withPowerCycle(target, { command, bootId, ...FAST });
    await cycled.connect(quiet);
    await t.rejects(cycled.connect(quiet), { name: 'InfraError', message });
  });
}

t.test('a board that dies in every point is given up after ten losses', async (t) => {
  const dir = t.testdir({});
  const log = join(dir, 'log');
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.die();
  };
  let boot = 0;
  const options = {
    command: `echo cycled >> ${log}`,
    bootId: async () => `boot ${boot++}`,
    ...FAST,
  };
  const target = withPowerCycle(scriptedTarget({ onPoint, canReturn: false }), options);
  const points = Array.from({ length: 14 }, (_, index) => point(`p${index}`));
  const { run } = await playOn(t, target, points, undefined, {}, join(dir, 'journal.jsonl'));
  const crashes = run.points.filter(({ verdict }) => verdict === 'crash');
  t.equal(crashes.length, 10, 'each point is blamed once and not run again');
  t.equal(readFileSync(log, 'utf8').split('\n').length - 1, 9);
  t.match(run.points.at(-1), {
    verdict: 'skip',
    skip: 'depends-on-failed',
    reason: /lost 10 times/,
  });
});
