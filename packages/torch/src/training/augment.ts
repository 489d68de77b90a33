import { ConfigError, type JsonData } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import type { Augmentation, RandomAffineOptions, RandomErasingOptions } from '@unfold/train';
import { Composition, Elastic, RandomAffine, RandomErasing } from '@unfold/train/internal';
import { atom, call, list, tuple, type Argument, type Expression } from '../python.js';

/** How torchvision changes images at random, with the same ranges, though by other random numbers. */
export function augmentExpression(augment: Augmentation): Expression {
  if (augment instanceof RandomAffine) return affine(augment.options);
  if (augment instanceof RandomErasing) return erasing(augment.options);
  if (augment instanceof Elastic) {
    const { alpha = 34, sigma = 4, fill = 0 } = augment.options;
    // torchvision's strength counts half pixels.
    return call('v2.ElasticTransform', [], {
      alpha: 2 * alpha,
      sigma,
      ...unless('fill', fill, 0),
    });
  }
  if (augment instanceof Composition) {
    return call('v2.Compose', [list(augment.steps.map(augmentExpression))]);
  }
  throw new ConfigError(
    'eject: augment: expected randomAffine, elastic, randomErasing, or these composed, got ' +
      `${valueText(augment)}, which Python doesn't know; leave it out, and write its like into data.py`,
  );
}

function affine({
  degrees = 0,
  translate = 0,
  scale = [1, 1],
  shear = 0,
  fill = 0,
}: RandomAffineOptions): Expression {
  const farthest = typeof translate === 'number' ? [translate, translate] : translate;
  return call('v2.RandomAffine', [pairOr(degrees)], {
    ...(farthest.some((part) => part !== 0) && { translate: tuple(farthest) }),
    ...(scale.some((part) => part !== 1) && { scale: tuple(scale) }),
    ...(shear !== 0 && { shear: pairOr(shear) }),
    interpolation: atom('v2.InterpolationMode.BILINEAR'),
    ...unless('fill', fill, 0),
  });
}

function erasing({ p, scale, ratio, value }: RandomErasingOptions): Expression {
  return call('v2.RandomErasing', [], {
    ...unless('p', p, 0.5),
    ...(scale && String(scale) !== '0.02,0.33' && { scale: tuple(scale) }),
    ...(ratio && String(ratio) !== String([0.3, 1 / 0.3]) && { ratio: tuple(ratio) }),
    ...unless('value', value, 0),
  });
}

const pairOr = (value: number | readonly number[]): Argument =>
  typeof value === 'number' ? value : tuple(value);

function unless(
  name: string,
  value: JsonData | undefined,
  usual: JsonData,
): Record<string, JsonData> {
  return value === undefined || value === usual ? {} : { [name]: value };
}
