import { ConfigError, Generator } from '@unfold/core';
import { affine, compose, type ImagePlanes, randomAffine } from '@unfold/train';
import { describe, expect, it, test } from 'vitest';
import { augmented, changed, moments, noise, picture, rowsOf } from '../support/runs/augment.js';
import { expectClose } from '../support/compare.js';
import { loadFixture } from '../support/fixtures/fixtures.js';

const sum = ({ data }: ImagePlanes): number => data.reduce((a, b) => a + b, 0);

describe('affine is PyTorch’s affine_grid and grid_sample', () => {
  it.each(loadFixture('affine').cases)('$name', ({ options, image, out }) => {
    const [channels = 0, height = 0, width = 0] = image.shape;
    const planes: ImagePlanes = { data: image.data.slice(), shape: [channels, height, width] };
    affine(planes, options);
    // A position is wrong by some roundings of the size, and moves a value by as much.
    expectClose(planes.data, out.data, { rtol: 0, atol: 1e-12 });
  });
});

describe('affine, exactly', () => {
  const image = picture([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);

  it('nothing leaves every bit, -0, infinities and NaN too', () => {
    const strange = picture([
      [-0, Infinity, 0.1],
      [NaN, 2 ** -1074, -Infinity],
    ]);
    expect(changed(strange, (copy) => affine(copy)).data).toEqual(strange.data);
    expect(Object.is(changed(strange, (copy) => affine(copy)).data[0], -0)).toBe(true);
  });

  it('whole pixels move to the right and down, and the fill follows', () => {
    const moved = changed(image, (copy) => affine(copy, { translate: [1, -1], fill: -5 }));
    expect(rowsOf(moved)).toEqual([
      [-5, 4, 5],
      [-5, 7, 8],
      [-5, -5, -5],
    ]);
  });

  it('half a pixel is the mean of two', () => {
    const moved = changed(image, (copy) => affine(copy, { translate: [0.5, 0], fill: 0 }));
    expect(rowsOf(moved)).toEqual([
      [0.5, 1.5, 2.5],
      [2, 4.5, 5.5],
      [3.5, 7.5, 8.5],
    ]);
  });

  it('turns clockwise, by whole quarters without any error, odd or even', () => {
    const quarter = changed(image, (copy) => affine(copy, { angle: 90 }));
    expect(rowsOf(quarter)).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3],
    ]);
    for (const [size, seed] of [
      [7, 1],
      [8, 2],
    ] as const) {
      const square = noise([3, size, size], seed);
      const back = changed(square, (copy) => {
        affine(copy, { angle: 90 });
        affine(copy, { angle: -180 });
        affine(copy, { angle: 450 });
      });
      expect(back.data).toEqual(square.data);
    }
  });

  it('twice as large repeats no pixel out of place: the centre stays', () => {
    const larger = changed(image, (copy) => affine(copy, { scale: 2 }));
    expect(rowsOf(larger)).toEqual([
      [3, 3.5, 4],
      [4.5, 5, 5.5],
      [6, 6.5, 7],
    ]);
  });

  it('a fill for each channel', () => {
    const both = noise([2, 3, 3]);
    const moved = changed(both, (copy) => affine(copy, { translate: [3, 0], fill: [0.25, 7] }));
    expect([...moved.data]).toEqual([...Array(9).fill(0.25), ...Array(9).fill(7)]);
  });

  it('keeps the mass of what stays inside, times the area of the scale', () => {
    const digit = changed(noise([1, 41, 41]), ({ data }) => {
      data.forEach((_, i) => {
        const distance = Math.hypot((i % 41) - 18, Math.floor(i / 41) - 21);
        data[i] = Math.exp(-((distance / 4) ** 2));
      });
    });
    for (const [angle, scale, shear] of [
      [0, 1, 0],
      [33, 1, 0],
      [-71, 1, 20],
      [12, 0.8, -10],
      [200, 1.3, 5],
    ] as const) {
      const options = {
        angle,
        scale,
        shear: [shear, -shear] as const,
        translate: [1.4, 2.2] as const,
      };
      const mass = sum(changed(digit, (copy) => affine(copy, options)));
      expect(mass / (sum(digit) * scale ** 2)).toBeCloseTo(1, 3);
    }
  });
});

describe('randomAffine', () => {
  it('without options, or with ranges of one point at rest, leaves every bit', () => {
    const image = noise([2, 7, 6]);
    expect(augmented(randomAffine(), image).data).toEqual(image.data);
    const rest = {
      degrees: [0, 0],
      translate: [0, 0],
      scale: [1, 1],
      shear: [0, 0, 0, 0],
    } as const;
    expect(augmented(randomAffine(rest), image).data).toEqual(image.data);
  });

  it('is the affine of one point where a range is one', () => {
    const image = noise([2, 9, 6]);
    const random = randomAffine({
      degrees: [20, 20],
      scale: [1.1, 1.1],
      shear: [5, 5, -8, -8],
      fill: [1, 2],
    });
    const fixed = changed(image, (copy) => {
      affine(copy, { angle: 20, scale: 1.1, shear: [5, -8], fill: [1, 2] });
    });
    expect(augmented(random, image).data).toEqual(fixed.data);
  });

  const COUNT = 600;

  /** The centre of mass and the second moments of one bright spot, which tell all that was drawn. */
  const SIZE = [45, 41] as const;
  function drawn(options: Parameters<typeof randomAffine>[0], count: number): Measured[] {
    const augment = randomAffine(options);
    const random = new Generator(7);
    return Array.from({ length: count }, () => {
      const copy = blob();
      augment.apply(copy, random);
      return measure(copy);
    });
  }

  interface Measured {
    readonly x: number;
    readonly y: number;
    readonly area: number;
    readonly angle: number;
  }

  /** A wide ellipse about the centre. */
  function blob(): ImagePlanes {
    const [height, width] = SIZE;
    const data = Float64Array.from({ length: height * width }, (_, i) => {
      const x = (i % width) - (width - 1) / 2;
      const y = Math.floor(i / width) - (height - 1) / 2;
      return Math.exp(-((x / 5) ** 2) - (y / 2.5) ** 2);
    });
    return { data, shape: [1, height, width] };
  }

  function measure({ data, shape: [, height, width] }: ImagePlanes): Measured {
    let [mass, x, y] = [0, 0, 0];
    data.forEach((value, i) => {
      mass += value;
      x += value * ((i % width) - (width - 1) / 2);
      y += value * (Math.floor(i / width) - (height - 1) / 2);
    });
    x /= mass;
    y /= mass;
    let [xx, xy, yy] = [0, 0, 0];
    data.forEach((value, i) => {
      const dx = (i % width) - (width - 1) / 2 - x;
      const dy = Math.floor(i / width) - (height - 1) / 2 - y;
      xx += value * dx * dx;
      xy += value * dx * dy;
      yy += value * dy * dy;
    });
    const angle = (Math.atan2(2 * xy, xx - yy) * 90) / Math.PI;
    return { x, y, area: mass / (Math.PI * 12.5), angle };
  }

  /** Of COUNT draws: uniform in [min, max]. */
  function expectUniform(values: readonly number[], min: number, max: number): void {
    const slack = (max - min) / 100;
    expect(Math.min(...values)).toBeGreaterThan(min - slack);
    expect(Math.max(...values)).toBeLessThan(max + slack);
    const { mean, deviation } = moments(values);
    const half = (max - min) / 2;
    // Four standard errors of the mean, and as much for the deviation.
    expect(Math.abs(mean - (min + max) / 2) / half).toBeLessThan((4 * 0.58) / Math.sqrt(COUNT));
    expect(deviation / half).toBeCloseTo(Math.sqrt(1 / 3), 1);
  }

  it('degrees: a number is ±, a pair is from … to', () => {
    const turned = (degrees: number | readonly [number, number]): number[] =>
      drawn({ degrees }, COUNT).map(({ angle }) => angle);
    expectUniform(turned(25), -25, 25);
    expectUniform(turned([10, 40]), 10, 40);
  });

  it('translate: parts of the width and of the height, independent', () => {
    const moved = drawn({ translate: [0.1, 0.2] }, COUNT);
    const x = moved.map((one) => one.x / SIZE[1]);
    const y = moved.map((one) => one.y / SIZE[0]);
    expectUniform(x, -0.1, 0.1);
    expectUniform(y, -0.2, 0.2);
    const product = moments(x.map((value, i) => (value / 0.1) * ((y[i] ?? 0) / 0.2)));
    expect(Math.abs(product.mean)).toBeLessThan(4 / 3 / Math.sqrt(COUNT));
    const same = drawn({ translate: 0.1 }, COUNT);
    expectUniform(
      same.map((one) => one.y / SIZE[0]),
      -0.1,
      0.1,
    );
  });

  it('scale: of lengths', () => {
    expectUniform(
      drawn({ scale: [0.7, 1.2] }, COUNT).map(({ area }) => Math.sqrt(area)),
      0.7,
      1.2,
    );
  });

  it('shear: a number or a pair for the rows, four numbers for the columns too', () => {
    const column = picture([[0, 0, 0, 0, 1, 0, 0, 0, 0]]);
    // A bright line through a point above the centre; by how much it is moved is the tangent.
    const sheared = (
      shear: number | readonly [number, number] | readonly [number, number, number, number],
    ): number[] => {
      const augment = randomAffine({ shear });
      const random = new Generator(3);
      return Array.from({ length: COUNT }, () => {
        const data = new Float64Array(81);
        for (let row = 0; row < 9; row++) data.set(column.data, row * 9);
        const image: ImagePlanes = { data, shape: [1, 9, 9] };
        augment.apply(image, random);
        const [above] = rowsOf(image).slice(1);
        const x = (above ?? []).reduce((a, value, i) => a + value * (i - 4), 0);
        const mass = (above ?? []).reduce((a, b) => a + b, 0);
        return (Math.atan(x / mass / 3) * 180) / Math.PI;
      });
    };
    expectUniform(sheared(20), -20, 20);
    expectUniform(sheared([5, 30]), 5, 30);
    // Shearing the columns leaves a column where it is.
    expect(Math.max(...sheared([0, 0, -30, 30]).map(Math.abs))).toBeLessThan(1e-9);
    expectUniform(sheared([5, 30, 0, 0]), 5, 30);
  });

  it('draws the same whatever the other options', () => {
    const one = drawn({ translate: 0.1 }, 5).map(({ x }) => x);
    const both = drawn({ translate: 0.1, degrees: 90, scale: [0.9, 1.1] }, 5).map(({ x }) => x);
    both.forEach((x, i) => expect(x).toBeCloseTo(one[i] ?? NaN, 1));
  });
});

describe('compose', () => {
  const image = noise([2, 12, 11]);

  it('reads pixels of neighbouring moves once: two that cancel out leave every pixel', () => {
    const there = randomAffine({ degrees: [30, 30], scale: [2, 2] });
    const back = randomAffine({ degrees: [-30, -30], scale: [0.5, 0.5] });
    const both = augmented(compose([there, back]), image);
    expectClose(both.data, image.data, { rtol: 0, atol: 1e-13 });
    // One after the other they cut off and blur.
    const inTurn = augmented(back, augmented(there, image));
    expect(Math.abs((inTurn.data[0] ?? 0) - (image.data[0] ?? 0))).toBeGreaterThan(0.05);
  });

  it('moves of different fills are not joined, nor those with something between', () => {
    const there = randomAffine({ degrees: [30, 30], fill: 0 });
    const back = randomAffine({ degrees: [-30, -30], fill: 1 });
    const nothing = { apply(): void {} };
    const inTurn = augmented(back, augmented(there, image));
    expect(augmented(compose([there, back]), image).data).toEqual(inTurn.data);
    const alike = randomAffine({ degrees: [-30, -30] });
    const apart = augmented(compose([there, nothing, alike]), image);
    expect(apart.data).toEqual(augmented(alike, augmented(there, image)).data);
  });

  it('the first step comes first, in nested ones too', () => {
    const turn = randomAffine({ degrees: [90, 90] });
    const brighten = {
      apply({ data }: ImagePlanes): void {
        data[0] = 100;
      },
    };
    const square = noise([1, 5, 5]);
    const inner = compose([brighten]);
    expect(rowsOf(augmented(compose([inner, turn]), square))[0]?.[4]).toBe(100);
    expect(rowsOf(augmented(compose([turn, inner]), square))[0]?.[0]).toBe(100);
    const nested = compose([compose([turn]), compose([compose([turn]), brighten])]);
    const half = changed(square, (copy) => affine(copy, { angle: 180 }));
    expect([...augmented(nested, square).data.slice(1)]).toEqual([...half.data.slice(1)]);
  });

  it('of no steps does nothing', () => {
    expect(augmented(compose([]), image).data).toEqual(image.data);
  });
});

describe('bad options', () => {
  const pair = 'a number of at least 0, for ±, or [min, max],';
  test.each<[string, () => unknown, string]>([
    [
      'degrees',
      () => randomAffine({ degrees: -1 }),
      `randomAffine: degrees: expected ${pair} finite, got -1`,
    ],
    [
      'degrees',
      () => randomAffine({ degrees: [5, -5] }),
      `randomAffine: degrees: expected ${pair} finite, got [5, -5]`,
    ],
    [
      'degrees',
      () => randomAffine({ degrees: NaN }),
      `randomAffine: degrees: expected ${pair} finite, got NaN`,
    ],
    [
      'translate',
      () => randomAffine({ translate: 1.5 }),
      'randomAffine: translate: expected a number, within 0 … 1, got 1.5',
    ],
    [
      'translate',
      () => randomAffine({ translate: [0.1, -0.1] }),
      'randomAffine: translate: expected a number, within 0 … 1, got -0.1',
    ],
    [
      'scale',
      () => randomAffine({ scale: [0, 1] }),
      'randomAffine: scale: expected [min, max], finite and above 0, got [0, 1]',
    ],
    [
      'shear',
      () => randomAffine({ shear: 90 }),
      `randomAffine: shear: expected ${pair} within -89.9 … 89.9, got 90`,
    ],
    [
      'fill',
      () => randomAffine({ fill: Infinity }),
      'randomAffine: fill: expected a finite number, or one for each channel, got Infinity',
    ],
    [
      'an unknown one',
      () => randomAffine(JSON.parse('{"degree": 5}')),
      "randomAffine: unknown option 'degree'; did you mean degrees? The options are degrees, translate, scale, shear, fill",
    ],
    [
      'three numbers',
      () => randomAffine(JSON.parse('{"shear": [1, 2, 3]}')),
      `randomAffine: shear: expected ${pair} within -89.9 … 89.9, got [1, 2, 3]`,
    ],
    [
      'no list',
      () => randomAffine(JSON.parse('{"translate": null}')),
      'randomAffine: translate: expected [x, y], finite numbers, got null',
    ],
    [
      'angle',
      () => affine(noise([1, 2, 2]), { angle: Infinity }),
      'affine: angle: expected a number, finite, got Infinity',
    ],
    [
      'scale',
      () => affine(noise([1, 2, 2]), { scale: 0 }),
      'affine: scale: expected a number, finite and above 0, got 0',
    ],
    [
      'fills for other channels',
      () => augmented(randomAffine({ fill: [1, 2] }), noise([3, 2, 2])),
      'randomAffine: fill: expected a number, or one for each of 3 channels, got [1, 2]',
    ],
    [
      'a step that is none',
      () => compose([randomAffine(), JSON.parse('{}')]),
      'compose: step 1: expected an augmentation, such as randomAffine({ degrees: 10 }), got {}',
    ],
    [
      'no list of steps',
      () => Reflect.apply(compose, null, [randomAffine()]),
      'compose: expected a list of augmentations, got a RandomAffine',
    ],
    [
      'a function',
      () => Reflect.apply(compose, null, [[randomAffine]]),
      'compose: step 0: expected an augmentation, such as randomAffine({ degrees: 10 }), got a function; call it',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(new ConfigError(message));
  });
});
