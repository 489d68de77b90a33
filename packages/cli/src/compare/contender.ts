import { argmax, elementsOf, Scope, Tape, type Tensor } from '@unfold/core';
import { crossEntropy, type Layer } from '@unfold/nn';
import { SGD } from '@unfold/train';

export interface SgdSettings {
  readonly lr: number;
  readonly momentum: number;
}

export interface StepResult {
  /** The mean cross entropy of the batch before the update. */
  readonly loss: number;
  /** From the batch in memory, in the layout that is wanted, to the loss as a number. */
  readonly milliseconds: number;
}

/** One of the two networks that are trained side by side. */
export interface Contender {
  /** A step of SGD. Images `[N, C, H, W]`, labels `[N]`. */
  step(images: Tensor, labels: Tensor): StepResult | Promise<StepResult>;
  /** The classes that images `[N, C, H, W]` are taken for. */
  classify(images: Tensor): readonly number[];
  dispose(): void;
}

/** Our side. */
export class UnfoldNetwork implements Contender {
  readonly model: Layer;
  readonly #optimizer: SGD;

  constructor(model: Layer, settings: SgdSettings) {
    this.model = model;
    this.#optimizer = new SGD(model.parameters(), settings);
  }

  step(images: Tensor, labels: Tensor): StepResult {
    const begin = performance.now();
    const loss = Tape.run((tape) => {
      const loss = crossEntropy(this.model.forward(images), labels);
      this.#optimizer.zeroGrad();
      tape.backward(loss);
      this.#optimizer.step();
      return loss.item();
    });
    return { loss, milliseconds: performance.now() - begin };
  }

  classify(images: Tensor): readonly number[] {
    return Scope.run(() => {
      return [...elementsOf(argmax(this.model.forward(images), { axis: 1 }))];
    });
  }

  dispose(): void {
    this.model.dispose();
  }
}
