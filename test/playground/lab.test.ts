import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Experiment } from '../../playground/src/spec/experiment.js';
import { ENGINE, EXPERIMENT, firstDigits, labOf, lastFingerprint } from './lab-under-test.js';

const digits = await firstDigits(640, 200);
const digit = digits.test.images.slice(0, 784);

describe('a run', () => {
  it('shows the parameters of all layers, or of those that are asked for', async () => {
    const { lab } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const all = lab.parameters();
    const first = lab.parameters([0]);
    expect(first.length).toBeGreaterThan(0);
    expect(first).toEqual(all.filter(({ layer }) => layer === 0));
    expect(all.length).toBeGreaterThan(first.length);
    expect(lab.parameters([])).toEqual([]);
  });

  it('reaches 95 % of the test digits within two epochs of 5,000', async () => {
    const { lab, reports } = labOf(await firstDigits(5000, 1000));
    await lab.create(EXPERIMENT, ENGINE);
    await lab.finishEpoch();
    await lab.finishEpoch();
    const { accuracy, loss, predictions, step } = await lab.validate();
    expect(accuracy).toBeGreaterThan(0.95);
    expect(loss).toBeLessThan(0.2);
    expect(predictions).toHaveLength(1000);
    expect(step).toBe(2 * Math.ceil(5000 / 32));
    expect(reports.at(-1)).toMatchObject({ state: 'paused', step, epoch: 2, fault: null });
    expect(reports.flatMap(({ losses }) => [...losses])).toHaveLength(step);
  });

  it('stops with a sentence when the loss is no number, and keeps the weights of the step before', async () => {
    const { lab, reports } = labOf(digits);
    const optimizer = { ...EXPERIMENT.optimizer, lr: 10 };
    // Without anything that bounds them, the products of weights grow and grow.
    const network: Experiment['network'] = [
      { kind: 'flatten' },
      { kind: 'linear', features: 64 },
      { kind: 'linear', features: 64 },
      { kind: 'linear', features: 10 },
    ];
    await lab.create({ ...EXPERIMENT, network, optimizer }, ENGINE);
    await lab.finishEpoch();
    const last = reports.at(-1);
    expect(last?.state).toBe('paused');
    expect(last?.fault).toMatch(/^The loss of step \d+ is no number: .*learning rate/);
    expect(reports.flatMap(({ losses }) => [...losses]).every(Number.isFinite)).toBe(true);
    const values = lab.parameters().flatMap((parameter) => [...parameter.values]);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('makes way while somebody draws: after each picture it begins no step for a while', async () => {
    const { lab, reports } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const grey = Float32Array.from(digit, (level) => level / 255);
    const picture = { width: 28, height: 28, grey, alpha: null };
    // What is loaded on demand is there.
    await lab.centre(picture);
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    try {
      await lab.centre(picture);
      const steps = lab.advance(3);
      vi.advanceTimersByTime(100);
      await lab.centre(picture);
      vi.advanceTimersByTime(100);
      for (let turn = 0; turn < 20; turn++) await setImmediate();
      expect(reports.at(-1)).toMatchObject({ state: 'running', step: 0 });
      await vi.advanceTimersByTimeAsync(100);
      await steps;
      expect(reports.at(-1)).toMatchObject({ state: 'paused', step: 3 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends when another one begins', async () => {
    const { lab, reports } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const steps = lab.advance(1_000_000);
    await lab.create({ ...EXPERIMENT, seed: 2 }, ENGINE);
    await steps;
    expect(reports.at(-1)).toMatchObject({ state: 'paused', step: 0 });
    await lab.advance(1);
    expect(reports.at(-1)).toMatchObject({ state: 'paused', step: 1 });
  });

  it('that cannot be built leaves the one before as it is', async () => {
    const { lab, reports } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const bad: Experiment = { ...EXPERIMENT, network: [{ kind: 'linear', features: 10 }] };
    await expect(lab.create(bad, ENGINE)).rejects.toThrow();
    await lab.advance(1);
    expect(reports.at(-1)).toMatchObject({ state: 'paused', step: 1 });
  });

  it('makes no step while it is validated, also where it is started meanwhile', async () => {
    // Of more digits than are taken at once; and what is compiled begins later.
    const { lab } = labOf(await firstDigits(64, 1000));
    await lab.create(EXPERIMENT, { ...ENGINE, compiled: false });
    const alone = await lab.validate();
    const validation = lab.validate();
    const step = lab.advance(1);
    expect(await validation).toEqual(alone);
    await step;
    expect((await lab.validate()).loss).not.toBe(alone.loss);
  });

  it('learns a digit that was drawn from its next epoch on, as often as it counts', async () => {
    const { lab, reports } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    await lab.advance(1);
    lab.addDigit(digit, 7, 32);
    await lab.finishEpoch();
    expect(reports.at(-1)?.step).toBe(20);
    await lab.finishEpoch();
    expect(reports.at(-1)?.step).toBe(20 + 21);
  });
});

describe('the bits of a strict run', () => {
  const train = async (
    experiment: Partial<Experiment> = {},
    choice: Partial<typeof ENGINE> = {},
    between: (lab: ReturnType<typeof labOf>['lab']) => unknown = () => {},
  ): Promise<string | null> => {
    const { lab, reports } = labOf(digits);
    await lab.create({ ...EXPERIMENT, ...experiment }, { ...ENGINE, ...choice });
    for (const steps of [3, 10, 9]) {
      await lab.advance(steps);
      await between(lab);
    }
    return lastFingerprint(reports);
  };

  it('are the same on any number of threads, compiled or not', async () => {
    const bits = await train();
    expect(bits).toMatch(/^[0-9a-f]{8}$/);
    expect(await train({}, { threads: 2 })).toBe(bits);
    expect(await train({}, { compiled: false })).toBe(bits);
    expect(await train({ seed: 2 })).not.toBe(bits);
  });

  it('stay what they were: those of every browser', async () => {
    // Held by the tests of the page in three browsers, too.
    expect(await train()).toMatchInlineSnapshot(`"9a621c06"`);
  });

  it('are the same whether the run is looked at or not, in all its ways', async () => {
    const network: Experiment['network'] = [
      {
        kind: 'conv',
        channels: 4,
        kernel: 5,
        stride: 2,
        padding: 0,
        dilation: 1,
        groups: 1,
        bias: true,
      },
      { kind: 'batchNorm' },
      { kind: 'gelu' },
      { kind: 'dropout', p: 0.5 },
      { kind: 'flatten' },
      { kind: 'linear', features: 10 },
    ];
    const experiment = { network, augmentation: 'elastic' } as const;
    const bits = await train(experiment);
    const looked = await train(experiment, {}, async (lab) => {
      await lab.look(digit, { layers: true, explain: 'gradient' });
      await lab.look(digit, { layers: true, explain: 'occlusion' });
      lab.convolution(0, digit, 3);
      lab.parameters();
      await lab.validate();
      await lab.safetensors();
      await lab.onnx();
      await lab.pytorch();
    });
    expect(looked).toBe(bits);
  });

  it('are the same whether it is paused, or asked something while it trains', async () => {
    const bits = await train();
    const { lab, reports } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const steps = lab.advance(22);
    await lab.look(digit, { layers: true, explain: 'gradient' });
    await lab.validate();
    await lab.pause();
    await steps;
    const done = reports.at(-1)?.step ?? 0;
    expect(done).toBeLessThan(22);
    await lab.advance(22 - done);
    expect(lastFingerprint(reports)).toBe(bits);
  });
});

describe('a step that is timed', () => {
  it('comes to the same bits with every strict engine', async () => {
    const time = (threads: number, compiled: boolean) =>
      labOf(digits).lab.time(EXPERIMENT, { kernels: 'wasm', threads, compiled }, 2);
    const { fingerprint, milliseconds, gflops } = await time(1, false);
    expect((await time(1, true)).fingerprint).toBe(fingerprint);
    expect((await time(2, true)).fingerprint).toBe(fingerprint);
    // Of lenet-bn: 5×5 windows of 1 and of 16 channels, 512 features to 10; thrice that with the way back.
    const macs = 16 * 24 * 24 * 25 + 32 * 8 * 8 * 16 * 25 + 512 * 10;
    const flops = 2 * 3 * macs * EXPERIMENT.batchSize;
    expect(gflops).toBeCloseTo(flops / (milliseconds * 1e6), 6);
  });
});
