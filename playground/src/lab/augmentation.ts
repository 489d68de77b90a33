import { type Augmentation, compose, elastic, randomAffine } from '@unfold/train';
import type { AugmentationSpec } from '../spec/experiment.js';

/** As the presets of `train:mnist` have it. */
const affine = (): Augmentation =>
  randomAffine({ degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 });

/** What is changed of each image, drawn anew in each epoch. */
export const AUGMENTATIONS: Readonly<
  Record<Exclude<AugmentationSpec, 'none'>, () => Augmentation>
> = {
  affine,
  elastic: () => compose([elastic(), affine()]),
};
