import type { Emit, Emitters, Step } from './step.js';

/** Losses of single elements, or their mean or sum. */
function reduced(step: Step, losses: string): string {
  const { reduction } = step.attributes;
  if (reduction === 'none') return losses;
  const flat = step.emit('Reshape', [losses, step.int64(-1)]);
  const op = reduction === 'sum' ? 'ReduceSum' : 'ReduceMean';
  return step.emit(op, [flat], { keepdims: 0 });
}

/** Of x and target, which have one shape. */
const elementwise =
  (write: (step: Step, x: string, target: string) => string): Emit =>
  (step) =>
    reduced(step, write(step, step.in('x'), step.in('target')));

/** c·(d - ½c) with c = d clamped to ±limit, which is ½d² within and a line outside. */
function huberOf(step: Step, d: string, limit: number): string {
  const { dtype } = step.out;
  const clamped = step.emit('Clip', [d, step.scalar(dtype, -limit), step.scalar(dtype, limit)]);
  const half = step.emit('Mul', [clamped, step.scalar(dtype, 0.5)]);
  return step.emit('Mul', [clamped, step.emit('Sub', [d, half])]);
}

/** By the operators that ONNX has for labels. */
const byLabels =
  (op: string, scores: string): Emit =>
  (step) => {
    const target = step.value('target');
    const labels = step.cast(step.in('target'), target.dtype, 'int64');
    const weight = step.has('weight') ? [step.in('weight')] : [];
    return step.emit(op, [step.in(scores), labels, ...weight], {
      ignore_index: step.number('ignoreIndex'),
      reduction: String(step.attributes['reduction']),
    });
  };

const crossEntropy: Emit = (step) => {
  const { dtype } = step.out;
  if (step.number('labelSmoothing') !== 0) throw step.refusal('ONNX has no label smoothing');
  if (step.value('target').dtype !== dtype)
    return byLabels('SoftmaxCrossEntropyLoss', 'logits')(step);
  if (step.has('weight')) throw step.refusal('ONNX has no class weights of probabilities');
  const logs = step.emit('LogSoftmax', [step.in('logits')], { axis: 1 });
  const terms = step.emit('Mul', [step.in('target'), logs]);
  const sums = step.emit('ReduceSum', [terms, step.int64(1)], { keepdims: 0 });
  return reduced(step, step.emit('Neg', [sums]));
};

/** max(-x, 0) + ln(1 + e^-|x|), the loss of a positive, and x more, weighted, for what is none. */
const bceWithLogits = elementwise((step, x, target) => {
  const { dtype } = step.out;
  const one = step.scalar(dtype, 1);
  const tail = step.emit('Exp', [step.emit('Neg', [step.emit('Abs', [x])])]);
  const log = step.emit('Log', [step.emit('Add', [tail, one])]);
  const positive = step.emit('Add', [step.emit('Relu', [step.emit('Neg', [x])]), log]);
  const missing = step.emit('Mul', [step.emit('Sub', [one, target]), x]);
  if (!step.has('posWeight')) return step.emit('Add', [missing, positive]);
  const more = step.emit('Sub', [step.in('posWeight'), one]);
  const factor = step.emit('Add', [step.emit('Mul', [more, target]), one]);
  return step.emit('Add', [missing, step.emit('Mul', [factor, positive])]);
});

/** Logarithms of at least -100, as PyTorch bounds them. */
const boundedLog = (step: Step, x: string): string =>
  step.emit('Max', [step.emit('Log', [x]), step.scalar(step.out.dtype, -100)]);

const bce = elementwise((step, x, target) => {
  const one = step.scalar(step.out.dtype, 1);
  const hit = step.emit('Mul', [target, boundedLog(step, x)]);
  const miss = step.emit('Mul', [
    step.emit('Sub', [one, target]),
    boundedLog(step, step.emit('Sub', [one, x])),
  ]);
  return step.emit('Neg', [step.emit('Add', [hit, miss])]);
});

/** target·(log target - x), of which a target of 0 has none. */
const klDiv: Emit = (step) => {
  const { dtype } = step.out;
  const [x, target] = [step.in('x'), step.in('target')];
  const zero = step.scalar(dtype, 0);
  const isLog = step.attributes['logTarget'] === true;
  const terms = isLog
    ? step.emit('Mul', [step.emit('Exp', [target]), step.emit('Sub', [target, x])])
    : step.emit('Where', [
        step.emit('Greater', [target, zero]),
        step.emit('Mul', [target, step.emit('Sub', [step.emit('Log', [target]), x])]),
        zero,
      ]);
  if (step.attributes['reduction'] !== 'batchmean') return reduced(step, terms);
  const sums = step.emit('ReduceSum', [
    terms,
    step.int64(
      ...step
        .value('x')
        .shape.slice(1)
        .map((_, i) => i + 1),
    ),
  ]);
  return step.emit('ReduceMean', [step.emit('Reshape', [sums, step.int64(-1)])], { keepdims: 0 });
};

const hingeEmbedding = elementwise((step, x, target) => {
  const { dtype } = step.out;
  const short = step.emit('Relu', [
    step.emit('Sub', [step.scalar(dtype, step.number('margin')), x]),
  ]);
  const sign = step.cast(target, step.value('target').dtype, dtype);
  const isAlike = step.emit('Greater', [sign, step.scalar(dtype, 0)]);
  return step.emit('Where', [isAlike, x, short]);
});

const marginRanking: Emit = (step) => {
  const { dtype } = step.out;
  const sign = step.cast(step.in('target'), step.value('target').dtype, dtype);
  const lead = step.emit('Mul', [sign, step.emit('Sub', [step.in('x1'), step.in('x2')])]);
  const margin = step.scalar(dtype, step.number('margin'));
  return reduced(step, step.emit('Relu', [step.emit('Sub', [margin, lead])]));
};

/** Losses, for whoever exports a whole step. */
export const LOSSES: Emitters = {
  mseLoss: elementwise((step, x, target) => {
    const d = step.emit('Sub', [x, target]);
    return step.emit('Mul', [d, d]);
  }),
  huber: elementwise((step, x, target) =>
    huberOf(step, step.emit('Sub', [x, target]), step.number('delta')),
  ),
  smoothL1: elementwise((step, x, target) => {
    const d = step.emit('Sub', [x, target]);
    const beta = step.number('beta');
    if (beta === 0) return step.emit('Abs', [d]);
    return step.emit('Div', [huberOf(step, d, beta), step.scalar(step.out.dtype, beta)]);
  }),
  l1Loss: elementwise((step, x, target) => step.emit('Abs', [step.emit('Sub', [x, target])])),
  bce,
  klDiv,
  hingeEmbedding,
  marginRanking,
  bceWithLogits,
  crossEntropy,
  nllLoss: byLabels('NegativeLogLikelihoodLoss', 'logProbs'),
};
