import type { Normalization } from '@unfold/train';

/**
 * How pixels are normalised before a network sees them: by mean and deviation of the 55,000 digits that
 * `train:mnist` learns from, so that weights from there work here, and those from here work there.
 */
export const MNIST_NORMALIZATION: Normalization = {
  mean: [0.13071675060933466],
  std: [0.3081966416527278],
};
