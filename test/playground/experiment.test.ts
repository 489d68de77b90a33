import { describe, expect, it } from 'vitest';
import { DEFAULT_EXPERIMENT, OPTIMIZERS } from '../../playground/src/spec/experiment.js';
import { kindOf } from '../../playground/src/spec/kinds.js';
import { PRESET_NAMES, PRESETS } from '../../playground/src/spec/presets.js';
import { ExperimentError, readExperiment } from '../../playground/src/spec/read-experiment.js';

const changed = (changes: object): unknown => ({ ...DEFAULT_EXPERIMENT, ...changes });
const sgd = (changes: object): unknown => changed({ optimizer: { ...OPTIMIZERS.sgd, ...changes } });
const layer = (value: unknown): unknown => changed({ network: [value] });

describe('readExperiment', () => {
  it.each([
    DEFAULT_EXPERIMENT,
    ...Object.values(OPTIMIZERS).map((optimizer) => ({ ...DEFAULT_EXPERIMENT, optimizer })),
    ...PRESET_NAMES.map((name) => ({ ...DEFAULT_EXPERIMENT, network: PRESETS[name] })),
  ])('gives back what went through JSON', (experiment) => {
    expect(readExperiment(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
  });

  it.each<[unknown, string]>([
    [
      null,
      'experiment: expected an object with network, optimizer, batchSize, augmentation, seed, strict, and nothing else.',
    ],
    [[], 'experiment: expected an object with'],
    [changed({ more: 1 }), 'and nothing else.'],
    [JSON.parse('{"__proto__": {}}'), 'experiment: expected an object with'],
    [changed({ network: { length: 1e9 } }), 'network: expected a list of layers.'],
    [
      changed({ network: Array.from({ length: 1000 }, () => ({ kind: 'relu' })) }),
      'A network has at most 32 layers here.',
    ],
    [changed({ network: [] }), 'There is no layer yet'],
    [layer(null), 'layer 1, kind: expected one of conv,'],
    [layer({ kind: 'constructor' }), 'layer 1, kind: expected one of conv,'],
    [layer({ kind: 'relu', extra: 1 }), 'layer 1: expected an object with kind, and nothing else.'],
    [layer({ kind: 'maxPool' }), 'layer 1: expected an object with kind, size, and nothing else.'],
    [layer({ kind: 'maxPool', size: '2' }), 'layer 1, size: expected a number.'],
    [layer({ ...kindOf('conv').initial, bias: 1 }), 'layer 1, bias: expected true or false.'],
    [
      layer({ kind: 'maxPool', size: 1e9 }),
      'Layer 1: Window: expected a whole number from 2 to 28.',
    ],
    [
      layer({ kind: 'linear', features: 10 }),
      'Layer 1: Linear takes flat features: put a flatten before it.',
    ],
    [changed({ optimizer: 'sgd' }), 'optimizer, kind: expected one of sgd, adam, adamW, rmsprop.'],
    [changed({ optimizer: { kind: 'toString' } }), 'optimizer, kind: expected one of'],
    [
      changed({ optimizer: { ...OPTIMIZERS.adam, momentum: 0 } }),
      'optimizer: expected an object with kind, lr, weightDecay',
    ],
    [sgd({ lr: 0 }), 'Learning rate: expected a number from 0.000001 to 10.'],
    [sgd({ lr: NaN }), 'Learning rate: expected a number from'],
    [sgd({ momentum: 1 }), 'Momentum: expected a number from 0 to 0.999.'],
    [sgd({ weightDecay: -1 }), 'Weight decay: expected a number from 0 to 1.'],
    [sgd({ nesterov: 'yes' }), 'nesterov: expected true or false.'],
    [sgd({ nesterov: true, momentum: 0 }), 'Nesterov’s momentum needs a momentum above 0.'],
    [changed({ batchSize: 0 }), 'Batch: expected a whole number from 1 to 256.'],
    [changed({ batchSize: 1e6 }), 'Batch: expected a whole number from 1 to 256.'],
    [changed({ batchSize: '64' }), 'Batch: expected a number.'],
    [changed({ augmentation: 'all' }), 'augmentation: expected one of none, affine, elastic.'],
    [changed({ seed: 2 ** 32 }), 'Seed: expected a whole number from 0 to 4294967295.'],
    [changed({ seed: 0.5 }), 'Seed: expected a whole number'],
    [changed({ strict: null }), 'strict: expected true or false.'],
    [
      changed({
        batchSize: 1,
        network: [{ kind: 'flatten' }, { kind: 'linear', features: 10 }, { kind: 'batchNorm' }],
      }),
      'Layer 3: Batch normalisation gets one value of each channel from a batch of one image',
    ],
  ])('refuses %j', (value, reason) => {
    expect(() => readExperiment(value)).toThrow(ExperimentError);
    expect(() => readExperiment(value)).toThrow(reason);
  });
});
