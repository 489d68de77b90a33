import { Generator, type GeneratorState } from '@unfold/core';
import type { RunState } from '@unfold/train';
import { asNumber, asObject } from '@unfold/train/internal';
import type { LiveRun } from './facts.js';

const WHERE = 'eject: training: state';

/**
 * Where a run stands, and its loader's generator.
 * @throws ConfigError for what is no state of `fit`, or of a run whose batches came from no loader.
 */
export function placeOf({ json }: RunState): Pick<LiveRun, 'position' | 'generator'> {
  const state = asObject(WHERE, json);
  const where = `${WHERE}: position`;
  const position = asObject(where, state['position']);
  const count = (name: string): number =>
    asNumber(`${where}: ${name}`, position[name], { integer: true });
  const { loader } = asObject(`${WHERE}: randomness`, state['randomness']);
  const { now, epoch } = asObject(`${WHERE}: randomness: loader`, loader);
  return {
    position: {
      epoch: count('epoch'),
      batch: count('batch'),
      step: count('step'),
      // A text says why.
      isStopped: typeof position['stopped'] === 'string',
    },
    generator: { now: checked(now), epoch: epoch === null ? null : checked(epoch) },
  };
}

/** @throws ConfigError for what is no state of a generator. */
function checked(state: unknown): GeneratorState {
  const generator = new Generator(0);
  generator.setState(state as GeneratorState);
  return generator.state();
}
