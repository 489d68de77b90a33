/**
 * The classic exercise: a convolution as an operation of one's own, whose context saves its inputs
 * for backward, checked against the built-in one; and a layer that stores its kernel as a matrix
 * (k, cOut), trained side by side with the built-in layer.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/own-convolution.ts
 */
import { abs, defineFunction, Generator, gradcheck, manualSeed, matmul, max } from '@unfold/core';
import { Parameter, randn, reshape, sub, sum, Tape, transpose } from '@unfold/core';
import type { Context, Tensor } from '@unfold/core';
import { Conv2d, fold, Module, mseLoss, outputSize, unfold } from '@unfold/nn';
import { SGD } from '@unfold/train';

interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly stride: number;
}

/** x (n, c, h, w) and weight (cOut, c, hk, wk) to (n, cOut, hOut, wOut), without padding. */
const ownConv = defineFunction('ownConv', {
  forward(ctx: Context<Saved>, x: Tensor, weight: Tensor, { stride }: { stride: number }): Tensor {
    ctx.save({ x, weight, stride });
    const [n = 0, , h = 0, w = 0] = x.shape;
    const [cOut = 0, , hk = 0, wk = 0] = weight.shape;
    const U = unfold(x, [hk, wk], { stride }); // (n, k, p): every patch is a column
    const Y = matmul(reshape(weight, [cOut, -1]), U); // (n, cOut, p)
    return reshape(Y, [n, cOut, outputSize(h, hk, stride), outputSize(w, wk, stride)]);
  },

  backward(ctx, dOut) {
    const { x, weight, stride } = ctx.saved;
    const [n = 0, cOut = 0] = dOut.shape;
    const [, , h = 0, w = 0] = x.shape;
    const [, , hk = 0, wk = 0] = weight.shape;
    const dY = reshape(dOut, [n, cOut, -1]);
    // dW = dY·Uᵀ for each image, and their sum.
    const dW = sum(matmul(dY, unfold(x, [hk, wk], { stride }), { transposeB: true }), { axis: 0 });
    // dU = Wᵀ·dY; fold adds every value to the pixel that it was copied from.
    const dU = matmul(reshape(weight, [cOut, -1]), dY, { transposeA: true });
    return [fold(dU, [h, w], [hk, wk], { stride }), reshape(dW, weight.shape)];
  },
});

/** A convolution of stride 1 whose 3×3 kernel is the matrix that the patches are multiplied with. */
class MatrixConv extends Module {
  readonly kernel: Parameter; // (k, cOut)

  constructor(like: Conv2d) {
    super();
    const [cOut = 0] = like.weight.shape;
    this.kernel = new Parameter(transpose(reshape(like.weight, [cOut, -1])));
  }

  forward(x: Tensor): Tensor {
    const [n = 0, , h = 0] = x.shape;
    const rows = matmul(transpose(unfold(x, 3)), this.kernel); // (n, p, k)·(k, cOut)
    return reshape(transpose(rows), [n, -1, outputSize(h, 3), outputSize(h, 3)]);
  }
}

const largest = (x: Tensor | null): string => (x ? max(abs(x)).item().toExponential(0) : 'none');

manualSeed(1);
const random = { dtype: 'float64', requiresGrad: true } as const;
{
  const layer = new Conv2d(3, 5, [3, 2], { stride: 2, bias: false, dtype: 'float64' });
  const x = randn([4, 3, 9, 8], random);
  using tape = new Tape();
  const difference = sub(ownConv(x, layer.weight, { stride: 2 }), layer.forward(x));
  tape.backward(difference, randn(difference.shape, { dtype: 'float64' }));
  console.log('largest difference from the built-in layer');
  // The gradients of a difference are the differences of the gradients.
  console.log(`  of the output ${largest(difference)}`);
  console.log(`  of dX ${largest(x.grad)}, of dW ${largest(layer.weight.grad)}`);
}
const inputs = [randn([2, 3, 6, 5], random), randn([4, 3, 3, 2], random)];
gradcheck((x, weight) => ownConv(x, weight, { stride: 2 }), inputs);
console.log('gradcheck: every element of dX and dW agrees with finite differences');

const teacher = new Conv2d(2, 4, 3, { bias: false }).freeze();
const builtIn = new Conv2d(2, 4, 3, { bias: false });
for (const student of [new MatrixConv(builtIn), builtIn]) {
  const optimizer = new SGD(student.parameters(), { lr: 0.1, momentum: 0.9 });
  const source = new Generator(7);
  let last = NaN;
  for (let step = 0; step < 60; step++) {
    using tape = new Tape();
    const x = randn([8, 2, 10, 10], { generator: source });
    const loss = mseLoss(student.forward(x), teacher.forward(x));
    optimizer.zeroGrad();
    tape.backward(loss);
    optimizer.step();
    last = loss.item();
  }
  console.log(`${student.constructor.name} learnt a kernel: loss ${last.toExponential(2)}`);
}
