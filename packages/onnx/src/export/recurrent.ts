import type { Given } from './builder.js';
import type { Emit, Emitters, Step } from './step.js';

/*
 * A sequence is one operation here, x0 … x6 being the input `[L, N, C]`, the weights of input and state, their
 * biases, and the first states. ONNX has an axis of directions more, and its gates in another order.
 */

/** Weights or biases of all gates, the gates in ONNX's order. */
function ordered(step: Step, operand: string, order: readonly number[]): string {
  const name = step.in(operand);
  if (order.length === 1) return name;
  const rows = (step.value(operand).shape[0] ?? 0) / order.length;
  const sizes = step.int64(...order.map(() => rows));
  const gates = step.emitAll('Split', [name, sizes], { axis: 0 }, order.length);
  return step.emit(
    'Concat',
    order.map((gate) => gates[gate] ?? ''),
    { axis: 0 },
  );
}

const recurrent =
  (op: string, order: readonly number[], attributes: Given = {}): Emit =>
  (step) => {
    const first = step.int64(0);
    const ofDirection = (name: string): string => step.emit('Unsqueeze', [name, first]);
    const weights = ['x1', 'x2'].map((operand) => ofDirection(ordered(step, operand, order)));
    const hasBias = step.has('x3') && step.has('x4');
    const biases = (): string => {
      const both = ['x3', 'x4'].map((operand) => ordered(step, operand, order));
      return ofDirection(step.emit('Concat', both, { axis: 0 }));
    };
    const state = (operand: string): string =>
      step.has(operand) ? ofDirection(step.in(operand)) : '';
    const isLstm = step.outputs.length === 3;
    const inputs = [
      step.in('x0'),
      ...weights,
      hasBias ? biases() : '',
      '',
      state('x5'),
      ...(isLstm ? [state('x6')] : []),
    ];
    const [all = '', ...last] = step.emitAll(
      op,
      inputs,
      {
        ...attributes,
        hidden_size: step.value('x2').shape[1] ?? 0,
        direction: step.flag('reverse') ? 'reverse' : 'forward',
      },
      step.outputs.length,
    );
    return [
      step.emit('Squeeze', [all, step.int64(1)]),
      ...last.map((name) => step.emit('Squeeze', [name, first])),
    ];
  };

/** Sequences, by layer and direction. */
export const RECURRENT: Emitters = {
  rnnTanh: recurrent('RNN', [0]),
  rnnRelu: recurrent('RNN', [0], { activations: { kind: 'strings', value: ['Relu'] } }),
  gru: recurrent('GRU', [1, 0, 2], { linear_before_reset: 1 }),
  lstm: recurrent('LSTM', [0, 3, 1, 2]),
};
