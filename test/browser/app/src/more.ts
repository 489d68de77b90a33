import { configureEngine, reshape, sum, Tape, tanh, tensor } from '@unfold/core';
import { Conv2d } from '@unfold/nn';

// As small.ts, and one function of the second binary, which threads meet while they serve.
await configureEngine({ threads: 2 });
const convolution = new Conv2d(1, 64, 3);
Tape.run((tape) => {
  const x = tensor(new Float32Array(34 * 34).fill(1), [1, 1, 34, 34]);
  const features = reshape(convolution.forward(x), [64 * 32 * 32]);
  tape.backward(sum(tanh(features)));
});
document.title = String(convolution.weight.grad?.shape);
