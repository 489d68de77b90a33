import type { Expression } from '../python.js';
import type { Position } from './facts.js';

/** What train.py is written from. */
export interface TrainFacts {
  readonly className: string;
  readonly loss: Expression;
  /** The lines that make the optimiser of `model`. */
  readonly optimizer: readonly string[];
  /** Schedules of `optimizer`, of a run of `steps` steps and of one of `epochs` epochs. */
  readonly stepSchedule: Expression | null;
  readonly epochSchedule: Expression | null;
  /** Whether that watches the validation loss. */
  readonly isWatching: boolean;
  readonly epochs: number;
  readonly position: Position;
  /** The words of the generator from which the order of the epoch in hand is drawn; null for none. */
  readonly order: readonly number[] | null;
  readonly accumulate: number;
  readonly clipGradNorm: number | null;
  readonly ema: { readonly decay: number; readonly useBuffers: boolean } | null;
  readonly hasValidation: boolean;
  readonly hasTest: boolean;
  /** Whether the model has buffers, such as running means. */
  readonly hasBuffers: boolean;
  /** Whether training draws random numbers besides the order. */
  readonly isRandom: boolean;
  /** Whether not all labels count alike in the loss. */
  readonly isUneven: boolean;
  /** What no layer gives initial values to, so that it keeps Unfold's; by its names. */
  readonly ownState: readonly string[];
  /** Whether the texts beside the weights tell of the data's normalization. */
  readonly isNormalized: boolean;
  /** The texts that are saved beside the weights. */
  readonly metadata: readonly (readonly [name: string, value: Expression])[];
}
