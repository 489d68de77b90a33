import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { start, writePatternFolder, type Outcome } from '../support/runs/cli.js';
import { TRAIN_MNIST } from '../support/runs/unfold.js';

/** Everything that has a state: momentum, a schedule, an average, augmentation, early stopping. */
const RECIPE = [
  '--model=lenet',
  '--epochs=24',
  '--batch-size=16',
  '--schedule=one-cycle',
  '--lr=0.02',
  '--augment=affine',
  '--ema=0.9',
  '--label-smoothing=0.1',
  '--early-stopping=20',
];
/** Milliseconds that a process may live before it is killed: some die before they train. */
const LONGEST_LIFE = 6000;
const KILLS = 5;

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-resume-'));
  await writePatternFolder(join(root, 'digits'), { train: 5320, test: 300 });
});
afterAll(() => rm(root, { recursive: true }));

function command(...args: readonly string[]): readonly string[] {
  return [...TRAIN_MNIST, `--data-dir=${join(root, 'digits')}`, ...RECIPE, ...args];
}

async function hashIn(file: string): Promise<unknown> {
  return (JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>)['weightsSha256'];
}

it('a run that is killed at random moments and resumed ends with the same weights', async () => {
  const metrics = join(root, 'm.json');
  const whole = await start(process.execPath, command(`--metrics=${metrics}`)).outcome;
  expect([whole.code, whole.stderr]).toEqual([0, '']);
  const expected = await hashIn(metrics);

  const file = join(root, 'run.safetensors');
  const lives: number[] = [];
  let outcome: Outcome | undefined;
  for (let life = 0; ; life++) {
    // Another number of threads and another loader make no difference.
    const args = [`--checkpoint=${file}`, '--resume', `--metrics=${metrics}`];
    const variant = life % 2 === 0 ? ['--threads=1'] : ['--threads=2', '--loader=own'];
    const running = start(process.execPath, command(...args, ...variant));
    if (life < KILLS) {
      // The first lives long enough to leave something to go on with.
      if (life === 0) await running.seen(/^epoch 2\/24/m);
      lives.push(Math.round(Math.random() * (life === 0 ? 500 : LONGEST_LIFE)));
      const timer = setTimeout(() => running.child.kill('SIGKILL'), lives.at(-1));
      outcome = await running.outcome;
      clearTimeout(timer);
    } else {
      outcome = await running.outcome;
    }
    if (outcome.signal === null) break;
  }
  expect(outcome, `killed after ${lives.join(', ')} ms`).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toMatch(/^resume: the run in .*\n(.*\n)*resumed after step \d+ of 480$/m);
  expect(await hashIn(metrics), `killed after ${lives.join(', ')} ms`).toBe(expected);
  expect((await readdir(root)).sort()).toEqual(['digits', 'm.json', 'run.safetensors']);
});

it('a run that was stopped by Ctrl-C in the middle of an epoch, too', async () => {
  const metrics = join(root, 'm.json');
  await start(process.execPath, command(`--metrics=${metrics}`, '--quiet')).outcome;
  const expected = await hashIn(metrics);
  const file = join(root, 'run.safetensors');
  await rm(file, { force: true });
  const args = [`--checkpoint=${file}`, '--resume'];
  for (let stops = 0; stops < 3; stops++) {
    const running = start(process.execPath, command(...args));
    await running.seen(stops === 0 ? /^epoch 1\/24/m : /^epoch \d+\/24[^]*^epoch \d+\/24/m);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(stderr).toContain(`the run is in ${file}, and goes on with --resume\n`);
  }
  await start(process.execPath, command(...args, `--metrics=${metrics}`)).outcome;
  expect(await hashIn(metrics)).toBe(expected);
});
