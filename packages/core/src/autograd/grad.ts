import { TapeError } from '../errors.js';
import { checkOptions, flag, type OptionRules, requireList } from '../options.js';
import { requireTensor, Tensor } from '../tensor.js';
import { tracer } from '../graph/tracer.js';
import { BACKWARD_OPTIONS, Tape, type BackwardOptions, unrecorded, WALK } from './tape.js';

/** Options of `grad`, named and defaulted as PyTorch's. */
export interface GradOptions extends BackwardOptions {
  /** Whether an input that the loss doesn't depend on is null instead of an error. Default false. */
  readonly allowUnused?: boolean;
}

const GRAD_OPTIONS: OptionRules<GradOptions> = { ...BACKWARD_OPTIONS, allowUnused: flag };

/**
 * The gradients of `loss` with respect to `inputs`, as `torch.autograd.grad`: for a tensor its gradient,
 * for a list a list. Unlike `tape.backward` it changes nobody's `grad`, works for results on the tape as
 * well as for leaves, and computes what leads to the inputs only.
 *
 * ```ts
 * using tape = new Tape();
 * const score = sum(critic.forward(images)); // images.requiresGrad is true
 * const slope = grad(score, images, { createGraph: true });
 * tape.backward(mean(mul(slope, slope)));
 * ```
 *
 * With `createGraph` the gradients are results that the tape recorded: they have gradients themselves,
 * and end with the tape. Without it they are constants that belong to the innermost open scope.
 * @throws TapeError as `tape.backward`, for an input that requires no gradient, or, without
 * `allowUnused`, for one that the loss doesn't depend on; ShapeError or DTypeError for a `gradient` that
 * doesn't fit the loss.
 */
export function grad(
  loss: Tensor,
  inputs: Tensor,
  options?: GradOptions & { readonly allowUnused?: false },
): Tensor;
export function grad(
  loss: Tensor,
  inputs: readonly Tensor[],
  options?: GradOptions & { readonly allowUnused?: false },
): Tensor[];
export function grad(loss: Tensor, inputs: Tensor, options: GradOptions): Tensor | null;
export function grad(
  loss: Tensor,
  inputs: readonly Tensor[],
  options: GradOptions,
): (Tensor | null)[];
export function grad(
  loss: Tensor,
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): Tensor | null | (Tensor | null)[] {
  requireTensor('grad', 'the loss', loss);
  const list = inputs instanceof Tensor ? [inputs] : inputs;
  requireList('grad', 'a tensor or a list of tensors', list, '[x, weight]');
  list.forEach((input, i) => {
    requireTensor('grad', `inputs[${i}]`, input);
    input.assertAlive();
    if (input.requiresGrad) return;
    throw new TapeError(
      `grad: expected an input that requires a gradient, got inputs[${i}], ${input.describe()} made by ` +
        `${input.origin}; set its requiresGrad before the tape records what is made of it`,
    );
  });
  checkOptions('grad', options, GRAD_OPTIONS);
  if (tracer) tracer.refuses('grad', WALK);
  const tape = loss.recordedBy?.tape;
  if (!(tape instanceof Tape)) throw unrecorded('grad', loss);
  const { allowUnused = false, ...how } = options;
  const found = tape.walk('grad', loss, how, list).map((gradient, i) => {
    if (gradient) return gradient;
    if (allowUnused) return null;
    throw new TapeError(
      `grad: expected a loss that depends on every input, got one that doesn't on inputs[${i}], ` +
        `${list[i].describe()} made by ${list[i].origin}; leave it out, or pass { allowUnused: true }, ` +
        'which gives null',
    );
  });
  return inputs instanceof Tensor ? found[0] : found;
}
