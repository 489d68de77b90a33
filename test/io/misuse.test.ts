import { ConfigError } from '@unfold/core';
import { loadWeights, saveWeights } from '@unfold/io';
import { Linear } from '@unfold/nn';
import { describe } from 'vitest';
import { call, refuseMisuses } from '../support/misuse.js';

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'saveWeights(file, model)',
      () => call(saveWeights, 'a.npz', new Linear(1, 1)),
      ConfigError,
      'saveWeights: expected the name of a file, got a Linear; saveWeights(model, file)',
    ],
    [
      'saveWeights(state, file)',
      () => call(saveWeights, new Linear(1, 1).stateDict(), 'a.npz'),
      ConfigError,
      'saveWeights: expected a Module, got a Map',
    ],
    [
      'saveWeights(model, file, { meta })',
      () => call(saveWeights, new Linear(1, 1), 'a.safetensors', { meta: {} }),
      ConfigError,
      "saveWeights: unknown option 'meta'; the options are metadata",
    ],
    [
      'loadWeights(file)',
      () => call(loadWeights, 'a.npz'),
      ConfigError,
      'loadWeights: expected the name of a file, got undefined; loadWeights(model, file)',
    ],
    [
      'loadWeights(model, file, false)',
      () => call(loadWeights, new Linear(1, 1), 'a.npz', false),
      ConfigError,
      'loadWeights: expected options as an object, such as { strict: … }, got false; the options are strict, verify, limits',
    ],
  ]);
});
