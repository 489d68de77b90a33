import { it } from 'vitest';
import { expectTorchvision, VISION } from '../support/vision/expect-vision.js';

it.each(VISION.cases)(
  '$name, $options, gives and learns what that of torchvision does',
  (given) => {
    expectTorchvision(given);
  },
);
