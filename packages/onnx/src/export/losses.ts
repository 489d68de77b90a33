import type { Emit, Emitters, Step, Term } from './step.js';

/** Losses of single elements, or their mean or sum. */
function reduced(step: Step, term: Term): string {
  const losses = step.term(term);
  const { reduction } = step.attributes;
  if (reduction === 'none') return losses;
  return step.emit(reduction === 'sum' ? 'ReduceSum' : 'ReduceMean', [step.flat(losses)], {
    keepdims: 0,
  });
}

/** Of x and target, which have one shape. */
const elementwise =
  (write: (x: string, target: string, step: Step) => Term): Emit =>
  (step) =>
    reduced(step, write(step.x, step.in('target'), step));

/** c·(d - ½c) with c = d clamped to ±limit, which is ½d² within and a line outside. */
function huberOf(step: Step, d: string, limit: number): Term {
  const clamped = step.emit('Clip', [d, -limit, limit]);
  return ['Mul', clamped, ['Sub', d, ['Mul', clamped, 0.5]]];
}

/** By the operators that ONNX has for labels. */
const byLabels =
  (op: string, scores: string): Emit =>
  (step) => {
    const labels = step.operand('target', 'int64');
    return step.emit(op, [step.in(scores), labels, ...step.optional('weight')], {
      ignore_index: step.number('ignoreIndex'),
      reduction: String(step.attributes['reduction']),
    });
  };

const crossEntropy: Emit = (step) => {
  const { dtype } = step.out;
  if (step.number('labelSmoothing') !== 0) throw step.lacking('label smoothing');
  if (step.value('target').dtype !== dtype)
    return byLabels('SoftmaxCrossEntropyLoss', 'logits')(step);
  if (step.has('weight')) throw step.lacking('class weights of probabilities');
  const logs = step.emit('LogSoftmax', [step.in('logits')], { axis: 1 });
  const terms = step.emit('Mul', [step.in('target'), logs]);
  return reduced(step, ['Neg', step.reduce('ReduceSum', terms, [1], false)]);
};

/** max(-x, 0) + ln(1 + e^-|x|), the loss of a positive, and x more, weighted, for what is none. */
const bceWithLogits = elementwise((x, target, step) => {
  const log: Term = ['Log', ['Add', ['Exp', ['Neg', ['Abs', x]]], 1]];
  const positive: Term = ['Add', ['Relu', ['Neg', x]], log];
  const missing: Term = ['Mul', ['Sub', 1, target], x];
  if (!step.has('posWeight')) return ['Add', missing, positive];
  const factor: Term = ['Add', ['Mul', ['Sub', step.in('posWeight'), 1], target], 1];
  return ['Add', missing, ['Mul', factor, positive]];
});

/** Logarithms of at least -100, as PyTorch bounds them. */
const boundedLog = (x: Term): Term => ['Max', ['Log', x], -100];

const bce = elementwise((x, target) => {
  const hit: Term = ['Mul', target, boundedLog(x)];
  const miss: Term = ['Mul', ['Sub', 1, target], boundedLog(['Sub', 1, x])];
  return ['Neg', ['Add', hit, miss]];
});

/** target·(log target - x), of which a target of 0 has none. */
const klDiv: Emit = (step) => {
  const { x } = step;
  const target = step.in('target');
  const terms: Term = step.flag('logTarget')
    ? ['Mul', ['Exp', target], ['Sub', target, x]]
    : ['Where', ['Greater', target, 0], ['Mul', target, ['Sub', ['Log', target], x]], 0];
  if (step.attributes['reduction'] !== 'batchmean') return reduced(step, terms);
  const sums = step.reduce('ReduceSum', terms, step.axes().slice(1), true);
  return step.emit('ReduceMean', [step.flat(sums)], { keepdims: 0 });
};

/** The target, of whichever dtype, as a sign in the dtype of the result. */
const signOf = (step: Step): string => step.operand('target', step.out.dtype);

const hingeEmbedding = elementwise((x, _, step) => [
  'Where',
  ['Greater', signOf(step), 0],
  x,
  ['Relu', ['Sub', step.number('margin'), x]],
]);

const marginRanking: Emit = (step) => {
  const lead: Term = ['Mul', signOf(step), ['Sub', step.in('x1'), step.in('x2')]];
  return reduced(step, ['Relu', ['Sub', step.number('margin'), lead]]);
};

/** Losses, for whoever exports a whole step. */
export const LOSSES: Emitters = {
  mseLoss: elementwise((x, target, step) => {
    const d = step.emit('Sub', [x, target]);
    return ['Mul', d, d];
  }),
  huber: elementwise((x, target, step) =>
    huberOf(step, step.emit('Sub', [x, target]), step.number('delta')),
  ),
  smoothL1: elementwise((x, target, step) => {
    const d = step.emit('Sub', [x, target]);
    const beta = step.number('beta');
    return beta === 0 ? ['Abs', d] : ['Div', huberOf(step, d, beta), beta];
  }),
  l1Loss: elementwise((x, target) => ['Abs', ['Sub', x, target]]),
  bce,
  klDiv,
  hingeEmbedding,
  marginRanking,
  bceWithLogits,
  crossEntropy,
  nllLoss: byLabels('NegativeLogLikelihoodLoss', 'logProbs'),
};
