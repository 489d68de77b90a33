import type { ElementType } from '../kernels/buffer.js';
import type { NumericArray } from '../kernels/contract.js';
import { usesOf } from './join.js';
import {
  Slot,
  type HostOperand,
  type HostStep,
  type KernelStep,
  type Operand,
  type Recording,
  type Step,
} from './recording.js';

/*
 * Batch norm in evaluation is a scale and a shift of each channel: y = (x - mean)·s + β with
 * s = γ/√(variance + eps). Behind a convolution both go into its weights, w·s, and its bias,
 * (b - mean)·s + β (Jacob et al. 2018, "Quantization and training of neural networks", 3.2). The sums
 * are rounded otherwise, so the bits are others.
 */

/** The steps of a batch norm in evaluation, and of the convolution before it. */
interface Found {
  readonly at: { readonly conv: number; readonly norm: number; readonly statistics: number };
  readonly conv: KernelStep;
  readonly norm: KernelStep;
  readonly statistics: HostStep;
}

/** Folds batch norms into the convolutions before them. */
export function foldBatchNorms(recording: Recording): Recording {
  const steps: (Step | null)[] = [...recording.steps];
  const slots = [...recording.slots];
  const given = new Set(recording.results.map(({ slot }) => slot));
  for (const norm of recording.steps.keys()) {
    const found = find(steps, norm, given);
    if (!found) continue;
    const { at, conv } = found;
    const [, x, weight, bias] = conv.operands;
    const [out, , statistics, gamma, beta] = found.norm.operands;
    if (!out || !x || !weight || !statistics || !gamma || !beta) continue;
    const { dtype } = weight;
    const channels = gamma.length;
    const folded = {
      weight: wholeOf(Slot.made(weight.slot.bytes, 'foldBatchNorm'), dtype, weight.length),
      bias: wholeOf(Slot.made(gamma.slot.bytes, 'foldBatchNorm'), dtype, channels),
    };
    slots.push(folded.weight.slot, folded.bias.slot);
    const read = [weight, gamma, beta, ...(bias ? [bias] : [])].map((operand) => {
      return hostOperand(operand, 'read');
    });
    const moments = found.statistics.operands.slice(1);
    // JavaScript fills both anew when a tensor changes that they follow from; where that stands among
    // the steps says nothing.
    steps[at.norm] = {
      kind: 'host',
      name: 'foldBatchNorm',
      operands: [
        hostOperand(folded.weight, 'fill'),
        hostOperand(folded.bias, 'fill'),
        ...moments,
        ...read,
      ],
      run: (toWeight, toBias, mean, variance, w, γ, β, b?) => {
        const numbers = new Float64Array(3 * channels);
        found.statistics.run(numbers, mean, variance);
        fold({ toWeight, toBias, numbers, w, γ, β, b: b ?? null });
      },
      isDecision: false,
    };
    steps[at.conv] = {
      ...conv,
      operands: [out, x, folded.weight, folded.bias],
      operation: `${conv.operation} + ${found.norm.operation}`,
    };
    if (usesOf(steps, statistics.slot).length === 1) steps[at.statistics] = null;
  }
  return { ...recording, slots, steps: steps.filter((step) => step !== null) };
}

function find(steps: readonly (Step | null)[], at: number, given: ReadonlySet<Slot>): Found | null {
  const norm = steps[at];
  if (norm?.kind !== 'kernel' || norm.kernel !== 'normalise') return null;
  const [, x, statistics, gamma, beta] = norm.operands;
  if (!x || !statistics || !gamma || !beta || given.has(x.slot)) return null;
  const ofX = usesOf(steps, x.slot);
  const convAt = ofX.find(({ writes }) => writes)?.step ?? -1;
  const conv = steps[convAt];
  if (ofX.length !== 2 || conv?.kind !== 'kernel' || conv.kernel !== 'conv2d') return null;
  const statisticsAt = usesOf(steps, statistics.slot).find(({ writes }) => writes)?.step ?? -1;
  const source = steps[statisticsAt];
  // By the batch they are a kernel's, and change with each.
  if (source?.kind !== 'host' || source.operands.length !== 3) return null;
  const [, , weight, bias] = conv.operands;
  const fixed = [weight, bias, gamma, beta, ...source.operands.slice(1)];
  for (const operand of fixed) {
    const slot = operand?.slot;
    if (slot && slot.kind !== 'constant' && (slot.kind !== 'outside' || slot.writers > 0)) {
      return null;
    }
  }
  return {
    at: { conv: convAt, norm: at, statistics: statisticsAt },
    conv,
    norm,
    statistics: source,
  };
}

/** Writes weights `[OC, …]` times the scale of their channel, and the biases. */
function fold({
  toWeight,
  toBias,
  numbers,
  w,
  γ,
  β,
  b,
}: {
  readonly toWeight: NumericArray;
  readonly toBias: NumericArray;
  /** Means, variances, and 1/√(variance + eps). */
  readonly numbers: Float64Array;
  readonly w: NumericArray;
  readonly γ: NumericArray;
  readonly β: NumericArray;
  readonly b: NumericArray | null;
}): void {
  const channels = toBias.length;
  const length = w.length / channels;
  for (let c = 0; c < channels; c++) {
    const scale = numbers[2 * channels + c] * γ[c];
    for (let i = c * length; i < (c + 1) * length; i++) toWeight[i] = w[i] * scale;
    toBias[c] = ((b ? b[c] : 0) - numbers[c]) * scale + β[c];
  }
}

function wholeOf(slot: Slot, dtype: ElementType, length: number): Operand {
  slot.writers = 1;
  return { slot, offset: 0, dtype, length };
}

function hostOperand({ slot, dtype, length }: Operand, access: HostOperand['access']): HostOperand {
  return { slot, dtype, size: length, access };
}
