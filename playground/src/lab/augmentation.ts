import { type Augmentation, compose, elastic, randomAffine } from '@unfold/train';
import { AFFINE } from '../spec/digits.js';
import type { AugmentationSpec } from '../spec/experiment.js';

const affine = (): Augmentation => randomAffine(AFFINE);

/** What is changed of each image, drawn anew in each epoch. */
export const AUGMENTATIONS: Readonly<
  Record<Exclude<AugmentationSpec, 'none'>, () => Augmentation>
> = {
  affine,
  elastic: () => compose([elastic(), affine()]),
};
