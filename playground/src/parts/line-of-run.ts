import { grouped, percent } from '@unfold/monitor/internal/browser';
import type { NetworkSpec } from '../spec/layers.js';
import { presetNameOf } from '../spec/presets.js';
import type { RunState, Scores } from '../state/runs.js';
import { RUN_TEXTS } from '../texts/run.js';
import { SPEC_TEXTS } from '../texts/spec.js';

/** What is to be known of a run to judge its answers. */
export interface RunFacts {
  /** `A` or `B`. */
  readonly name: string;
  readonly network: NetworkSpec;
  readonly state: RunState;
  /** Steps of training, of the weights that answer. */
  readonly step: number;
  /** Whether its first weights are from a file. */
  readonly isFromFile: boolean;
  /** Of the last validation; null before the first. */
  readonly scores: Pick<Scores, 'step' | 'accuracy'> | null;
}

/** Whose answers are shown, and what they are worth: `Run A: LeNet, step 471, validation 97.20 %.` */
export function lineOf({ name, network, state, step, isFromFile, scores }: RunFacts): string {
  const preset = presetNameOf(network);
  const called = preset ? SPEC_TEXTS.presets[preset] : RUN_TEXTS.ownNetwork;
  const line = (...facts: string[]): string => RUN_TEXTS.line(name, called, facts);
  if (state === 'failed') return line(RUN_TEXTS.failed);
  if (state === 'new' || state === 'preparing') return line(RUN_TEXTS.preparing);
  const facts = [];
  if (isFromFile) facts.push(RUN_TEXTS.fromFile);
  else if (step === 0) facts.push(RUN_TEXTS.untrained);
  if (step > 0) facts.push(RUN_TEXTS.step(grouped(step)));
  if (scores) {
    const accuracy = percent(scores.accuracy);
    // While it trains, the last validation is a moment old, and its step would only be one more number in motion.
    facts.push(
      scores.step === step || state === 'running'
        ? RUN_TEXTS.validation(accuracy)
        : RUN_TEXTS.validationAt(accuracy, grouped(scores.step)),
    );
  }
  return line(...facts);
}
