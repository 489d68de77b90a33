import { Dataset } from '@unfold/train';
import { randomSource } from '../kernels/kernels.js';

/** Of `stripes`. */
export const CLASSES = 3;

/** Grey 6×6 images of a bright column pair under noise; where it is, is the class. */
export function stripes(count: number, seed = 1): Dataset {
  const random = randomSource(seed);
  const labels = Int32Array.from({ length: count }, () => Math.floor(random() * CLASSES));
  const images = Float32Array.from({ length: count * 36 }, (_, i) => {
    const column = Math.floor((i % 6) / 2);
    return random() - 0.5 + (column === labels[Math.floor(i / 36)] ? 1 : 0);
  });
  return Dataset.fromArrays({ images, shape: [1, 6, 6], labels, classes: CLASSES });
}
