import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { terminalProgress, type TerminalProgressOptions } from '@unfold/monitor';
import type { Callback, EpochReport } from '../../packages/train/src/fit/callback.js';
import { Screen, shownOn } from '../support/runs/screen.js';
import {
  endEpoch,
  endStep,
  epochReport,
  fakeRun,
  type FakeRun,
} from '../support/runs/training-run.js';

const ESCAPE = String.fromCharCode(27);

beforeEach(() => {
  vi.stubEnv('FORCE_COLOR', undefined);
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('TERM', 'xterm-256color');
});
/** Those of the test in hand. */
const started: Callback[] = [];

afterEach(async () => {
  // Takes away the bars that are left.
  for (const progress of started.splice(0)) {
    await progress.onError?.(new Error('over'), fakeRun(1, 1));
  }
  vi.unstubAllEnvs();
});

/** A progress with a clock that stands still until it is moved on. */
function progressOn(
  out: Screen,
  options: TerminalProgressOptions = {},
): Callback & { wait(ms: number): void } {
  let time = 1000;
  const callback = terminalProgress({ out, colour: false, now: () => time, ...options });
  started.push(callback);
  return Object.assign(callback, {
    wait(ms: number) {
      time += ms;
    },
  });
}

/** Steps that take 5 ms each: 12,800 images/s. */
async function takeSteps(
  progress: ReturnType<typeof progressOn>,
  run: FakeRun,
  count: number,
): Promise<void> {
  for (let n = 0; n < count; n++) {
    progress.wait(5);
    await endStep(progress, run);
  }
}

const FIRST = epochReport(
  1,
  { loss: 0.32134, accuracy: 0.9012 },
  { loss: 0.09211, accuracy: 0.9721 },
);
const SECOND = epochReport(
  2,
  { loss: 0.10123, accuracy: 0.9698 },
  { loss: 0.0991, accuracy: 0.9702 },
  { lr: 0.000125, seconds: 12.34 },
);

describe('the bar', () => {
  async function barAfter(columns: number | undefined, { epochs = 4 } = {}): Promise<string> {
    const out = new Screen(columns);
    const progress = progressOn(out);
    const run = fakeRun(epochs, 860);
    await progress.onTrainBegin?.(run);
    await progress.onEpochBegin?.(run);
    await takeSteps(progress, run, 420);
    for (const text of out.texts) expect(text.length).toBeLessThan(columns || 80);
    return out.last;
  }

  it.each([
    [
      120,
      'epoch 1/4 ━━━━━━━━━━━━──────────── 420/860 · loss 0.1235 · 12,800 images/s · epoch 2 s, run 15 s left',
    ],
    [
      100,
      'epoch 1/4 ━━━━━━━━━━━─────────── 420/860 · loss 0.1235 · 12,800 images/s · epoch 2 s, run 15 s left',
    ],
    [80, 'epoch 1/4 ━━━━━━─────── 420/860 · loss 0.1235 · 12,800 images/s · run 15 s left'],
    [undefined, 'epoch 1/4 ━━━━━━─────── 420/860 · loss 0.1235 · 12,800 images/s · run 15 s left'],
    [0, 'epoch 1/4 ━━━━━━─────── 420/860 · loss 0.1235 · 12,800 images/s · run 15 s left'],
    [60, 'epoch 1/4 ━━━━━────── 420/860 · loss 0.1235 · run 15 s left'],
    [40, 'epoch 1/4 ━━━──── 420/860 · loss 0.1235'],
    [24, 'epoch 1/4 ━━─── 420/860'],
    [20, 'epoch 1/4 420/860'],
    [12, 'epoch 1/4 4'],
  ])('fits into %s columns', async (columns, bar) => {
    expect(await barAfter(columns)).toBe(bar);
  });

  it('tells the only epoch’s time once', async () => {
    expect(await barAfter(100, { epochs: 1 })).toBe(
      'epoch 1/1 ━━━━━━━━━━━━──────────── 420/860 · loss 0.1235 · 12,800 images/s · 2 s left',
    );
  });

  it('is there before the first step, knows what validation takes, and says when it goes on', async () => {
    const out = new Screen(110);
    const progress = progressOn(out);
    const run = fakeRun(3, 20);
    await progress.onTrainBegin?.(run);
    await progress.onEpochBegin?.(run);
    expect(out.last).toBe('epoch 1/3 ──────────────────────── 0/20');
    progress.wait(1000);
    await endStep(progress, run, 2);
    expect(out.last).toBe(
      'epoch 1/3 ━─────────────────────── 1/20 · loss 2.0000 · 64 images/s · epoch 19 s, run 59 s left',
    );
    for (let n = 2; n <= 20; n++) {
      progress.wait(1000);
      await endStep(progress, run, 2);
    }
    await progress.onValidationBegin?.(run);
    expect(out.last).toBe(
      'epoch 1/3 ━━━━━━━━━━━━━━━━━━━━━━━━ validating · loss 2.0000 · run 40 s left',
    );
    progress.wait(7000);
    await endEpoch(progress, run, FIRST);
    // Two epochs of 20 steps, and their validation, are left.
    expect(out.last).toBe(
      'epoch 2/3 ──────────────────────── 0/20 · loss 2.0000 · 64 images/s · epoch 20 s, run 54 s left',
    );
  });

  it('does not tell that nothing is left while the first validation goes on', async () => {
    const out = new Screen(110);
    const progress = progressOn(out);
    const run = fakeRun(1, 20);
    await progress.onTrainBegin?.(run);
    await progress.onEpochBegin?.(run);
    await takeSteps(progress, run, 20);
    await progress.onValidationBegin?.(run);
    expect(out.last).toBe('epoch 1/1 ━━━━━━━━━━━━━━━━━━━━━━━━ validating · loss 0.1235');
  });

  it('tells at once a loss that is no number, and goes on with the mean of those that are', async () => {
    const out = new Screen(110);
    const progress = progressOn(out);
    const run = fakeRun(1, 20);
    await progress.onEpochBegin?.(run);
    const losses = [2, NaN, 2, Infinity];
    const shown: (string | undefined)[] = [];
    for (const loss of losses) {
      progress.wait(1000);
      await endStep(progress, run, loss);
      shown.push(/loss (\S+)/.exec(out.last)?.[1]);
    }
    expect(shown).toEqual(['2.0000', 'NaN', '2.0000', '∞']);
  });

  it('forgets slow first steps, and smooths the loss', async () => {
    const out = new Screen(110);
    const progress = progressOn(out);
    const run = fakeRun(1, 2000);
    await progress.onEpochBegin?.(run);
    progress.wait(30_000);
    await endStep(progress, run, 3);
    await takeSteps(progress, run, 1000);
    // Without its memory fading, it would tell 64 · 1001 ÷ 35 = 1830.
    const faded = Math.exp(-5000 / 15_000);
    const expected = Array.from({ length: 1000 }, (_, i) => Math.exp((-5 * i) / 15_000)).reduce(
      ({ images, seconds }, weight) => ({
        images: images + 64 * weight,
        seconds: seconds + 0.005 * weight,
      }),
      { images: 64 * faded, seconds: 30 * faded },
    );
    await progress.onValidationBegin?.(run);
    expect(out.last).toContain(' validating · loss 0.1235 · ');
    const { images, seconds } = expected;
    const bars = out.texts.filter((text) => text.includes('images/s'));
    expect(bars.at(-1)).toContain(
      ` ${(images / seconds / 1000).toFixed(3).replace('.', ',')} images/s`,
    );
  });

  it.each([
    [2, '55 s'],
    [100, '45 min 50 s'],
    [10_000, '76 h 23 min'],
  ])('of %d epochs tells how long they last: %s', async (epochs, left) => {
    const out = new Screen(110);
    const progress = progressOn(out);
    const run = fakeRun(epochs, 55);
    await progress.onEpochBegin?.(run);
    progress.wait(500);
    await endStep(progress, run);
    expect(out.last).toContain(`epoch 27 s, run ${left} left`);
  });

  it('of a run that is resumed within an epoch begins there, at the speed of now', async () => {
    const out = new Screen(120);
    const progress = progressOn(out);
    const run = fakeRun(3, 860, 1000);
    run.history.push(FIRST);
    await progress.onTrainBegin?.(run);
    expect(shownOn(out)).toEqual([
      'resumed after step 1,000 of 2,580',
      'epoch  train loss  val loss  val accuracy        lr  images/s  seconds',
      '  1/3      0.3213    0.0921       97.21 %      0.05    13,750      4.0  best',
      '',
    ]);
    progress.wait(9000);
    await progress.onEpochBegin?.(run);
    expect(out.last).toBe('epoch 2/3 ━━━━──────────────────── 140/860');
    progress.wait(100);
    await endStep(progress, run);
    // 719 and 1,579 steps of 100 ms are left.
    expect(out.last).toBe(
      'epoch 2/3 ━━━━──────────────────── 141/860 · loss 0.1235 · 640 images/s · epoch 1 min 12 s, run 2 min 38 s left',
    );
  });

  it('is drawn ten times a second', async () => {
    const out = new Screen(80);
    const progress = progressOn(out);
    const run = fakeRun(1, 860);
    await progress.onEpochBegin?.(run);
    await takeSteps(progress, run, 100);
    expect(out.texts.filter((text) => text.startsWith('epoch'))).toHaveLength(6);
  });

  it('in a window that became narrower leaves nothing of itself behind', async () => {
    const out = new Screen(100);
    const progress = progressOn(out);
    const run = fakeRun(4, 860);
    await progress.onEpochBegin?.(run);
    progress.wait(100);
    await endStep(progress, run);
    expect(out.last.length).toBe(99);
    out.columns = 40;
    const { length } = out.text;
    progress.wait(100);
    await endStep(progress, run);
    // The terminal has broken the 99 characters into three rows of 40; the bar begins two rows above.
    expect(out.text.slice(length)).toBe(
      `\r${ESCAPE}[2A${ESCAPE}[J${ESCAPE}[?7lepoch 1/4 ───────── 2/860 · loss 0.1235${ESCAPE}[K${ESCAPE}[?7h`,
    );
    out.columns = 100;
    progress.wait(100);
    await endStep(progress, run);
    expect(out.last.length).toBe(99);
    expect(out.text.slice(length)).toContain(`${ESCAPE}[?7h\r${ESCAPE}[?7lepoch 1/4 ─`);
  });

  it.each<[string, (progress: Callback, run: FakeRun) => unknown]>([
    [
      'the run’s end',
      (progress, run) =>
        progress.onTrainEnd?.({ finished: false, stopped: null, history: [], steps: 1 }, run),
    ],
    ['an error', (progress, run) => progress.onError?.(new Error('no'), run)],
    ['an epoch’s end', (progress, run) => progress.onEpochEnd?.(FIRST, run)],
  ])('goes at %s, and the cursor comes back', async (_, end) => {
    const signals = ['exit', 'SIGINT', 'SIGTERM'];
    const listeners = (): number[] => signals.map((name) => process.listenerCount(name));
    const before = listeners();
    const out = new Screen(80);
    const progress = progressOn(out);
    const run = fakeRun(4, 860);
    await progress.onEpochBegin?.(run);
    expect(listeners()).toEqual(before.map((count) => count + 1));
    expect(shownOn(out).at(-1)).toMatch(/^epoch 1\/4 ─/);
    await end(progress, run);
    expect(shownOn(out).at(-1)).toBe('');
    expect(shownOn(out).join()).not.toContain('─');
    for (const [on, off] of [
      ['[?25h', '[?25l'],
      ['[?7h', '[?7l'],
    ]) {
      expect(out.text.lastIndexOf(ESCAPE + String(on))).toBeGreaterThan(
        out.text.lastIndexOf(ESCAPE + String(off)),
      );
    }
    expect(listeners()).toEqual(before);
    const { text } = out;
    await progress.onError?.(new Error('again'), run);
    expect(out.text).toBe(text);
  });
});

describe('the table', () => {
  async function tableOn(
    columns: number,
    reports: readonly EpochReport[],
    options: TerminalProgressOptions = {},
  ): Promise<string[]> {
    const out = new Screen(columns);
    const progress = progressOn(out, options);
    const run = fakeRun(12, 860);
    for (const report of reports) await progress.onEpochEnd?.(report, run);
    return shownOn(out).slice(0, -1);
  }

  it.each<[number, string[]]>([
    [
      100,
      [
        'epoch  train loss  val loss  val accuracy        lr  images/s  seconds',
        ' 1/12      0.3213    0.0921       97.21 %      0.05    13,750      4.0  best',
        ' 2/12      0.1012    0.0991       97.02 %   1.25e-4     4,457     12.3',
      ],
    ],
    [
      77,
      [
        'epoch  train loss  val loss  val accuracy        lr  images/s  seconds',
        ' 1/12      0.3213    0.0921       97.21 %      0.05    13,750      4.0  best',
        ' 2/12      0.1012    0.0991       97.02 %   1.25e-4     4,457     12.3',
      ],
    ],
    [
      76,
      [
        'epoch  train loss  val loss  val accuracy  images/s  seconds',
        ' 1/12      0.3213    0.0921       97.21 %    13,750      4.0  best',
        ' 2/12      0.1012    0.0991       97.02 %     4,457     12.3',
      ],
    ],
    [
      50,
      [
        'epoch  train loss  val loss  val accuracy',
        ' 1/12      0.3213    0.0921       97.21 %  best',
        ' 2/12      0.1012    0.0991       97.02 %',
      ],
    ],
    [
      40,
      [
        'epoch  val loss  val accuracy',
        ' 1/12    0.0921       97.21 %  best',
        ' 2/12    0.0991       97.02 %',
      ],
    ],
    [
      20,
      ['epoch  val accuracy', ' 1/12       97.21 %', ' 2/12       97.02 %'], //
    ],
    [10, ['epoch', ' 1/12', ' 2/12']],
  ])('drops columns to fit into %d', async (columns, lines) => {
    expect(await tableOn(columns, [FIRST, SECOND])).toEqual(lines);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
  });

  it('shows all metrics, and without validation those of training', async () => {
    const report = epochReport(1, { loss: 0.5, accuracy: 0.9, top5: 0.99 }, null);
    expect(await tableOn(100, [report])).toEqual([
      'epoch  train loss  train accuracy  train top5        lr  images/s  seconds',
      ' 1/12      0.5000         90.00 %      0.9900      0.05    13,750      4.0  best',
    ]);
    const both = epochReport(1, { loss: 0.5, mae: 1.5 }, { loss: 0.4, mae: 1.25 });
    expect(await tableOn(100, [both])).toEqual([
      'epoch  train loss  val loss   val mae        lr  images/s  seconds',
      ' 1/12      0.5000    0.4000    1.2500      0.05    13,750      4.0  best',
    ]);
  });

  it('marks the best so far: by accuracy, by the loss if there is none, or as told', async () => {
    const marks = async (
      values: readonly number[],
      name: string,
      best?: TerminalProgressOptions['best'],
    ): Promise<boolean[]> => {
      const reports = values.map((value, i) =>
        epochReport(i + 1, { loss: 1 }, { loss: 1, [name]: value }),
      );
      const lines = await tableOn(100, reports, best ? { best } : {});
      return lines.slice(1).map((line) => line.endsWith('  best'));
    };
    expect(await marks([0.5, 0.5, 0.6, 0.4], 'accuracy')).toEqual([true, false, true, false]);
    expect(await marks([0.5, 0.5, 0.6, 0.4], 'loss')).toEqual([true, false, false, true]);
    expect(await marks([NaN, 0.5, NaN, 0.4], 'loss')).toEqual([false, true, false, true]);
    const f1 = { metric: 'f1', mode: 'max' } as const;
    expect(await marks([0.5, 0.5, 0.6, 0.4], 'f1', f1)).toEqual([true, false, true, false]);
    expect(await marks([0.5, 0.6], 'loss', f1)).toEqual([false, false]);
  });

  it('has its head again when other columns fit, and every twenty rows', async () => {
    const out = new Screen(100);
    const progress = progressOn(out);
    const run = fakeRun(50, 860);
    await progress.onEpochEnd?.(FIRST, run);
    out.columns = 40;
    for (let n = 0; n < 21; n++) await progress.onEpochEnd?.(SECOND, run);
    const rows = shownOn(out);
    const heads = rows.flatMap((row, i) => (row.startsWith('epoch') ? [[i, row]] : []));
    expect(heads).toEqual([
      [0, 'epoch  train loss  val loss  val accuracy        lr  images/s  seconds'],
      [2, 'epoch  val loss  val accuracy'],
      [23, 'epoch  val loss  val accuracy'],
    ]);
  });

  it('of a resumed run begins with the last ten epochs, and knows a better one before', async () => {
    const out = new Screen(100);
    const progress = progressOn(out);
    const run = fakeRun(20, 10, 120);
    run.history = Array.from({ length: 12 }, (_, i) => ({
      ...(i === 0 ? FIRST : SECOND),
      epoch: i + 1,
    }));
    await progress.onTrainBegin?.(run);
    const rows = shownOn(out);
    expect(rows.slice(0, 3)).toEqual([
      'resumed after step 120 of 200',
      'epoch  train loss  val loss  val accuracy        lr  images/s  seconds',
      ' 3/20      0.1012    0.0991       97.02 %   1.25e-4     4,457     12.3',
    ]);
    expect(rows).toHaveLength(13);
    await progress.onTrainEnd?.(
      { finished: false, stopped: null, history: run.history, steps: 120 },
      run,
    );
    expect(shownOn(out).at(-2)).toBe('best: epoch 1 · validation accuracy 97.21 %');
  });
});

describe('the end', () => {
  async function endOf(
    out: Screen,
    { epochs, stopped, finished = true }: { epochs: number; stopped?: string; finished?: boolean },
    options: TerminalProgressOptions = {},
  ): Promise<string[]> {
    const progress = progressOn(out, options);
    const run = fakeRun(9, 10);
    for (let epoch = 1; epoch <= epochs; epoch++) {
      run.epoch = epoch;
      await progress.onEpochBegin?.(run);
      await takeSteps(progress, run, 10);
      run.history.push({ ...(epoch === 1 ? FIRST : SECOND), epoch });
      await progress.onEpochEnd?.(run.history.at(-1) ?? FIRST, run);
    }
    const { length } = shownOn(out);
    const { history, step } = run;
    await progress.onTrainEnd?.({ finished, stopped: stopped ?? null, history, steps: step }, run);
    return shownOn(out).slice(length - 1, -1);
  }

  it('tells why the run stopped, the best epoch, and draws charts', async () => {
    const lines = await endOf(new Screen(100), { epochs: 5, stopped: 'no better for 4 epochs' });
    expect(lines.slice(0, 4)).toEqual([
      'stopped after epoch 5 of 9: no better for 4 epochs',
      'best: epoch 1 · validation accuracy 97.21 %',
      '',
      expect.stringMatching(/^loss.* train .* validation +accuracy .* validation$/),
    ]);
    expect(lines.at(-2)).toMatch(/^ +epoch +epoch$/);
    expect(lines.at(-1)).toBe('');
    expect(lines).toHaveLength(18);
  });

  it('of one epoch has no best one', async () => {
    const lines = await endOf(new Screen(100), { epochs: 1 });
    expect(lines.slice(0, 2)).toEqual(['', 'loss  ⠒⠒ train  ◆ validation']);
  });

  it('by a signal, in a file, or without charts has no chart', async () => {
    const best = 'best: epoch 1 · validation accuracy 97.21 %';
    expect(await endOf(new Screen(100), { epochs: 5, finished: false })).toEqual([best]);
    expect(await endOf(new Screen(100), { epochs: 5 }, { charts: false })).toEqual([best]);
    expect(await endOf(new Screen(undefined, false), { epochs: 5 })).toEqual([best]);
    const inFile = await endOf(new Screen(undefined, false), { epochs: 5 }, { charts: true });
    expect(inFile).toHaveLength(32);
  });
});

describe('without a terminal', () => {
  const LINES = [
    'epoch 1/4 · step 10/860 · loss 0.1235 · 64 images/s · epoch 14 min 10 s, run 57 min 10 s left',
    'epoch 1/4 · step 20/860 · loss 0.1235 · 64 images/s · epoch 14 min 0 s, run 57 min 0 s left',
    'epoch 1/4 · loss 0.3213, validation 0.0921 · accuracy 97.21 % · lr 0.05 · 13,750 images/s · 4.0 s · best',
    'epoch 2/4 · loss 0.1012, validation 0.0991 · accuracy 97.02 % · lr 1.25e-4 · 4,457 images/s · 12.3 s',
    '',
  ];

  async function linesOf(out: Screen): Promise<string[]> {
    const progress = progressOn(out);
    const run = fakeRun(4, 860);
    await progress.onTrainBegin?.(run);
    await progress.onEpochBegin?.(run);
    for (let n = 1; n <= 21; n++) {
      progress.wait(1000);
      await endStep(progress, run);
    }
    await progress.onValidationBegin?.(run);
    await endEpoch(progress, run, FIRST);
    progress.wait(9000);
    await endStep(progress, run);
    await endEpoch(progress, run, SECOND);
    return out.text.split('\n');
  }

  it('there is a line an epoch, and one every ten seconds', async () => {
    expect(await linesOf(new Screen(undefined, false))).toEqual(LINES);
  });

  it('nor on one that says it is dumb', async () => {
    vi.stubEnv('TERM', 'dumb');
    expect(await linesOf(new Screen(80))).toEqual(LINES);
  });

  it('validation is left out where there is none', async () => {
    const out = new Screen(undefined, false);
    const progress = progressOn(out);
    const report = epochReport(1, { loss: 0.5, accuracy: 0.9, mae: 0.25 }, null, { seconds: 0 });
    await progress.onEpochEnd?.(report, fakeRun(1, 1));
    expect(out.text).toBe(
      'epoch 1/1 · loss 0.5000 · accuracy 90.00 % · mae 0.2500 · lr 0.05 · – images/s · 0.0 s · best\n',
    );
  });
});

describe('colour', () => {
  async function isColoured(
    out: Screen,
    environment: Record<string, string>,
    options: TerminalProgressOptions = {},
  ): Promise<boolean> {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const progress = terminalProgress({ out, ...options });
    await progress.onEpochEnd?.(FIRST, fakeRun(4, 860));
    vi.stubEnv('FORCE_COLOR', undefined);
    vi.stubEnv('NO_COLOR', undefined);
    return out.text.includes(`${ESCAPE}[32m`);
  }
  const terminal = (): Screen => new Screen(100);
  const file = (): Screen => new Screen(undefined, false);

  it.each<[string, () => Screen, Record<string, string>, boolean]>([
    ['on a terminal', terminal, {}, true],
    ['in a file', file, {}, false],
    ['with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['with FORCE_COLOR', file, { FORCE_COLOR: '1' }, true],
    ['with FORCE_COLOR beside NO_COLOR', file, { FORCE_COLOR: '', NO_COLOR: '1' }, true],
    ['with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
    ['on a dumb terminal', terminal, { TERM: 'dumb' }, false],
  ])('%s', async (_, out, environment, expected) => {
    expect(await isColoured(out(), environment)).toBe(expected);
  });

  it('as told', async () => {
    expect(await isColoured(file(), { NO_COLOR: '1' }, { colour: true })).toBe(true);
    expect(await isColoured(terminal(), { FORCE_COLOR: '1' }, { colour: false })).toBe(false);
  });

  it('is on the bar, the head, and what is best', async () => {
    const out = new Screen(60);
    const progress = progressOn(out, { colour: true });
    const run = fakeRun(4, 2);
    await progress.onEpochBegin?.(run);
    progress.wait(100);
    await endStep(progress, run);
    const code = (n: number): string => `${ESCAPE}[${n}m`;
    expect(out.text).toContain(`epoch 1/4 ${code(2)}${'─'.repeat(24)}${code(22)} 0/2${ESCAPE}`);
    expect(out.text).toContain(
      `epoch 1/4 ${code(36)}━━━━━━━━${code(39)}${code(2)}────────${code(22)} 1/2 · loss`,
    );
    await progress.onEpochEnd?.(FIRST, run);
    await progress.onEpochEnd?.(SECOND, run);
    const lines = out.text.slice(out.text.lastIndexOf(`${ESCAPE}[?7h`) + 5);
    expect(lines.split('\n')).toEqual([
      `${code(2)}epoch  train loss  val loss  val accuracy  seconds${code(22)}`,
      `  1/4      0.3213    0.0921  ${code(32)}     97.21 %${code(39)}      4.0  ${code(32)}best${code(39)}`,
      '  2/4      0.1012    0.0991       97.02 %     12.3',
      '',
    ]);
  });
});

it('is nothing if quiet', async () => {
  const out = new Screen(80);
  const progress = terminalProgress({ out, quiet: true });
  const run = fakeRun(4, 860);
  await progress.onTrainBegin?.(run);
  await progress.onEpochBegin?.(run);
  await endStep(progress, run);
  await endEpoch(progress, run, FIRST);
  await progress.onTrainEnd?.({ finished: true, stopped: 'why', history: [], steps: 1 }, run);
  expect(out.text).toBe('');
});
