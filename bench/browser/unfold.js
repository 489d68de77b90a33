import { compile, configureEngine, manualSeed, Scope, Tape, tensor } from '@unfold/core';
import { crossEntropy } from '@unfold/nn';
import { LeNet, SGD } from '@unfold/train';
import { answer, batch, BATCH, LR, MOMENTUM } from './turns.js';

let step = () => NaN;

answer(
  async ({ threads, compiled }) => {
    const { description } = await configureEngine({ threads });
    manualSeed(1);
    const model = new LeNet();
    const optimizer = new SGD(model.parameters(), { lr: LR, momentum: MOMENTUM });
    const { images, labels } = batch();
    const x = tensor(images, [BATCH, 1, 28, 28]);
    const y = tensor(labels, [BATCH]);
    /** @param {import('@unfold/core').Tensor} x @param {import('@unfold/core').Tensor} y */
    const learn = (x, y) => {
      optimizer.zeroGrad();
      return Tape.run((tape) => {
        const loss = crossEntropy(model.forward(x), y);
        tape.backward(loss);
        return loss;
      });
    };
    const weights = Object.fromEntries(
      Array.from(model.stateDict(), ([name, value]) => [name, Float32Array.from(value.data)]),
    );
    const made = compiled ? compile(learn, { modules: [model] }) : learn;
    const descend = compiled ? compile(() => optimizer.step()) : () => optimizer.step();
    step = () =>
      Scope.run(() => {
        const loss = made(x, y).item();
        descend();
        return loss;
      });
    return { description, weights };
  },
  () => step(),
);
