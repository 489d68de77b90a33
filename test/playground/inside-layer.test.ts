import { signal } from '@preact/signals';
import { expose, wrap } from 'comlink';
import { afterEach, expect, it, vi } from 'vitest';
import type { ConvolutionView, Lab } from '../../playground/src/lab/protocol.js';
import { DEFAULT_EXPERIMENT } from '../../playground/src/spec/experiment.js';
import type { Run, RunState } from '../../playground/src/state/runs.js';

const NONE = new Float32Array(0);
const VIEW: ConvolutionView = {
  ...{ inputShape: [1, 28, 28], x: NONE, weight: NONE, bias: null },
  ...{ outputShape: [6, 28, 28], out: NONE, dOut: NONE, dX: NONE, dWeight: NONE },
};

const { port1, port2 } = new MessageChannel();
afterEach(() => {
  vi.unstubAllGlobals();
  port1.close();
});

it('the numbers of a layer that was left, or of a network that went, are not shown when they come', async () => {
  const place = { hash: '#/inside/conv1' };
  const moved: (() => void)[] = [];
  vi.stubGlobal('location', place);
  vi.stubGlobal('addEventListener', (_: string, hear: () => void) => moved.push(hear));
  const { digit } = await import('../../playground/src/state/digit.js');
  const { runs } = await import('../../playground/src/state/runs.js');
  const { layerAtHand } = await import('../../playground/src/views/inside/layer.js');
  const answers: ((view: ConvolutionView) => void)[] = [];
  const convolution = (): Promise<ConvolutionView> => new Promise((answer) => answers.push(answer));
  expose({ convolution }, port2);
  const state = signal<RunState>('paused');
  const run: Pick<Run, 'lab' | 'experiment' | 'state' | 'progress'> = {
    lab: wrap<Lab>(port1),
    experiment: signal(DEFAULT_EXPERIMENT),
    state,
    progress: signal(null),
  };
  const go = (hash: string): void => {
    place.hash = hash;
    for (const hear of moved) hear();
  };
  const answerAll = async (): Promise<void> => {
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    answers.pop()?.(VIEW);
    // The answer has crossed the channel, and what waited for it has gone on.
    await new Promise((done) => setTimeout(done, 50));
  };

  digit.value = { pixels: new Uint8Array(784), label: 7 };
  runs.value = [run as Run];
  await answerAll();
  // Of the first layer it is said that its input is the digit.
  const first = { state: 'ready', name: 'conv1', label: 7, isFirst: true };
  expect(layerAtHand.value).toMatchObject(first);

  go('#/inside/conv2');
  go('#/inside/4x4');
  await answerAll();
  expect(layerAtHand.value).toEqual({ state: 'none' });

  go('#/inside/conv1');
  state.value = 'preparing';
  await answerAll();
  expect(layerAtHand.value).toEqual({ state: 'loading' });

  go('#/inside/4x4');
  state.value = 'paused';
  go('#/inside/conv2');
  await answerAll();
  expect(layerAtHand.value).toMatchObject({ state: 'ready', name: 'conv2', isFirst: false });
});
