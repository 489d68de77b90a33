import { reshape, sum, Tape, tensor } from '@unfold/core';
import { Conv2d, Linear } from '@unfold/nn';

// What the promise about the size of a bundle is about: a convolution, a linear layer and a tape.
const convolution = new Conv2d(1, 4, 3);
const linear = new Linear(4 * 6 * 6, 1);
Tape.run((tape) => {
  const x = tensor(new Float32Array(64).fill(1), [1, 1, 8, 8]);
  const features = reshape(convolution.forward(x), [1, 4 * 6 * 6]);
  tape.backward(sum(linear.forward(features)));
});
document.title = String(convolution.weight.grad?.shape);
