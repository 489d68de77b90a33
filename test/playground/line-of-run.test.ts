import { describe, expect, it } from 'vitest';
import { lineOf, type RunFacts } from '../../playground/src/parts/line-of-run.js';
import { PRESETS } from '../../playground/src/spec/presets.js';

const TRAINED: RunFacts = {
  name: 'A',
  network: PRESETS.lenet,
  state: 'paused',
  step: 1471,
  isFromFile: false,
  scores: { step: 1471, accuracy: 0.972 },
};

describe('the line that names a run', () => {
  it('says its network, its step and its accuracy', () => {
    expect(lineOf(TRAINED)).toBe('Run A: LeNet, step 1,471, validation 97.20 %.');
  });

  it('says that it is untrained, until it has made a step or has the weights of a file', () => {
    const begun: RunFacts = { ...TRAINED, step: 0, scores: null };
    expect(lineOf(begun)).toBe('Run A: LeNet, untrained: its weights are random.');
    expect(lineOf({ ...begun, isFromFile: true })).toBe('Run A: LeNet, weights of a file.');
    expect(lineOf({ ...begun, step: 1 })).toBe('Run A: LeNet, step 1.');
  });

  it('says of which step the accuracy is, where steps have been made since', () => {
    const further: RunFacts = { ...TRAINED, step: 1472 };
    expect(lineOf(further)).toBe('Run A: LeNet, step 1,472, validation 97.20 % at step 1,471.');
    expect(lineOf({ ...further, state: 'running' })).toBe(
      'Run A: LeNet, step 1,472, validation 97.20 %.',
    );
  });

  it('tells a network of one’s own from the presets', () => {
    const network = PRESETS.lenet.slice(0, -1);
    expect(lineOf({ ...TRAINED, name: 'B', network })).toContain('Run B: your own network, ');
  });

  it.each([
    ['new', 'being prepared'],
    ['preparing', 'being prepared'],
    ['failed', 'not ready'],
  ] as const)('says of a run that is %s that it is %s', (state, said) => {
    expect(lineOf({ ...TRAINED, state })).toBe(`Run A: LeNet, ${said}.`);
  });
});
