import { ConfigError, DTypeError, ones, type Tensor } from '@unfold/core';
import { Linear, Module, Sequential } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { make, refuseMisuses, send, strangeErrors } from '../support/misuse.js';

/* What a plain JavaScript program may pass to the methods that every module has. */

const net = (): Sequential => new Sequential(new Linear(2, 2));

/** A generator does nothing before it is asked. */
function first(module: Module, method: string, ...args: readonly unknown[]): unknown {
  return Array.from(send(module, method, ...args) as Iterable<unknown>);
}

class WithBuffer extends Module {
  constructor(name: string, tensor: Tensor) {
    super();
    this.registerBuffer(name, tensor);
  }
}

describe('a call that is wrong is an error that names the right one', () => {
  const noState = 'loadStateDict: expected tensors by name, as stateDict() gives them, got';
  refuseMisuses([
    [
      "loadStateDict({ 'weight': [[1, 2]] })",
      () => send(new Linear(2, 1), 'loadStateDict', { weight: [[1, 2]], bias: [0] }),
      DTypeError,
      "loadStateDict: expected a tensor for 'weight', got [[1, 2]]; tensor(data) makes one",
    ],
    [
      'loadStateDict(model)',
      () => send(net(), 'loadStateDict', net()),
      ConfigError,
      `${noState} a Sequential; pass its stateDict()`,
    ],
    [
      'loadStateDict(null)',
      () => send(net(), 'loadStateDict', null),
      ConfigError,
      `${noState} null`,
    ],
    [
      'loadStateDict([weight, bias])',
      () => send(new Linear(2, 1), 'loadStateDict', [[1, 2]]),
      ConfigError,
      `${noState} [[1, 2]]`,
    ],
    [
      'loadStateDict(checkpoint)',
      () => send(net(), 'loadStateDict', { state: net().stateDict(), metadata: {} }),
      ConfigError,
      'loadStateDict: expected a tensor for state, got a Map; pass what is in state',
    ],
    [
      'loadStateDict(state, false)',
      () => send(net(), 'loadStateDict', net().stateDict(), false),
      ConfigError,
      'loadStateDict: expected options as an object, such as { strict: false }, got false',
    ],
    [
      'loadStateDict(state, { stict: false })',
      () => send(net(), 'loadStateDict', net().stateDict(), { stict: false }),
      ConfigError,
      "loadStateDict: unknown option 'stict'; did you mean strict? The options are strict",
    ],
    [
      'namedParameters({ recurse: false })',
      () => first(net(), 'namedParameters', { recurse: false }),
      ConfigError,
      'namedParameters: prefix must be a text, got { recurse: false }',
    ],
    [
      "namedParameters('', false)",
      () => first(net(), 'namedParameters', '', false),
      ConfigError,
      'namedParameters: expected options as an object, such as { recurse: false }, got false',
    ],
    [
      'parameters(false)',
      () => first(net(), 'parameters', false),
      ConfigError,
      'parameters: expected options as an object, such as { recurse: false }, got false',
    ],
    [
      'parameters({ recursive: false })',
      () => first(net(), 'parameters', { recursive: false }),
      ConfigError,
      "parameters: unknown option 'recursive'; did you mean recurse? The options are recurse",
    ],
    [
      "train('false')",
      () => send(net(), 'train', 'false'),
      ConfigError,
      "train: mode must be true or false, got 'false'",
    ],
    [
      'model.training = 0',
      () => Object.assign(net(), { training: 0 }),
      ConfigError,
      'Sequential: training must be true or false, got 0',
    ],
    [
      "registerBuffer('mean', [0])",
      () => make(WithBuffer, 'mean', [0]),
      DTypeError,
      'registerBuffer: expected a tensor for tensor, got [0]; tensor(data) makes one',
    ],
  ]);
});

it.each([
  'loadStateDict',
  'train',
  'namedParameters',
  'parameters',
  'namedModules',
  'namedBuffers',
  'registerForwardHook',
])('whatever the arguments of %s are, errors are ours', (method) => {
  const model = net();
  const run = (...args: readonly unknown[]): void => {
    const result = send(model, method, ...args);
    if (typeof result === 'object' && result !== null && 'next' in result) send(result, 'next');
  };
  expect(strangeErrors(run, 2)).toEqual([]);
});

it('a state that is refused changes nothing', () => {
  const layer = new Linear(2, 1);
  const before = layer.weight.toArray();
  expect(() => send(layer, 'loadStateDict', { weight: ones([1, 2]), bias: [0] })).toThrow(
    DTypeError,
  );
  expect(layer.weight.toArray()).toEqual(before);
});
