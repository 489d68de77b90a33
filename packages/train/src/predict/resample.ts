/** Numbers on a grid, `[height, width]`. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** The old pixels that a new one is mixed of along one axis: weights from `first` on, which sum to 1. */
interface Mixture {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * The grid in another size, each axis by itself: where it becomes smaller, by the mean over what a new
 * pixel covers (a box filter, so that no thin line is missed); where it grows, linearly between
 * pixels' centres, as `align_corners=False`. The same size gives the same values.
 * @param height At least 1, as `width`.
 */
export function resample(grid: Grid, width: number, height: number): Grid {
  const columns = mixtures(grid.width, width);
  const narrow = new Float32Array(grid.height * width);
  for (let y = 0; y < grid.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x];
      let sum = 0;
      const from = y * grid.width + first;
      for (let k = 0; k < weights.length; k++) {
        sum += weights[k] * grid.values[from + k];
      }
      narrow[y * width + x] = sum;
    }
  }
  const values = new Float32Array(height * width);
  for (const [y, { first, weights }] of mixtures(grid.height, height).entries()) {
    for (const [k, weight] of weights.entries()) {
      const from = (first + k) * width;
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        values[at] = values[at] + weight * narrow[from + x];
      }
    }
  }
  return { width, height, values };
}

function mixtures(from: number, to: number): Mixture[] {
  const make = to < from ? covered : between;
  return Array.from({ length: to }, (_, i) => make(i, from, to));
}

/** The old pixels that new pixel i covers, each by the part of it that is covered. */
function covered(i: number, from: number, to: number): Mixture {
  const begin = (i * from) / to;
  const end = ((i + 1) * from) / to;
  const first = Math.floor(begin);
  const last = Math.min(Math.ceil(end), from);
  const weights = Array.from({ length: last - first }, (_, k) => {
    const pixel = first + k;
    return ((Math.min(end, pixel + 1) - Math.max(begin, pixel)) * to) / from;
  });
  return { first, weights };
}

/** The two old pixels whose centres are next to that of new pixel i. */
function between(i: number, from: number, to: number): Mixture {
  const centre = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
  const first = Math.floor(centre);
  const part = centre - first;
  return { first, weights: part === 0 ? [1] : [1 - part, part] };
}
