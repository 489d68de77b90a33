/** A picture of a convolution's filters. */
export interface FilterGrid {
  /** `[C, H, W]` */
  readonly pixels: Uint8Array;
  readonly shape: readonly [number, number, number];
}

/** More are not drawn. */
const MOST_FILTERS = 64;
const MOST_CHANNELS = 16;
/** A tile's longer side has at least so many pixels. */
const TILE = 32;
/** Pixels between tiles. */
const GAP = 2;

/**
 * Draws filters as tiles. With three channels each is a tile in colours, and with one a grey tile; these
 * fill a square, row by row. Otherwise a row is a filter, and each tile one of its channels, in grey. At
 * most 64 filters and 16 channels are drawn, the first. Each filter is scaled to its own range: its
 * smallest weight is black and its largest white; one of equal weights is mid-grey.
 * @param weight Finite numbers, `[O, C, KH, KW]`, none of which is 0.
 */
export function filterGrid(
  weight: ArrayLike<number>,
  [filters, channels, kh, kw]: readonly [number, number, number, number],
): FilterGrid {
  const colours = channels === 3 ? 3 : 1;
  const drawn = Math.min(filters, MOST_FILTERS);
  const perFilter = colours === 3 ? 1 : Math.min(channels, MOST_CHANNELS);
  const columns = perFilter === 1 ? Math.ceil(Math.sqrt(drawn)) : perFilter;
  const rows = Math.ceil((drawn * perFilter) / columns);
  const scale = Math.ceil(TILE / Math.max(kh, kw));
  const [height, width] = [side(rows, kh * scale), side(columns, kw * scale)];
  const pixels = new Uint8Array(colours * height * width);
  for (let tile = 0; tile < drawn * perFilter; tile++) {
    const filter = Math.floor(tile / perFilter);
    const [min, max] = rangeOf(weight, filter * channels * kh * kw, channels * kh * kw);
    const top = GAP + Math.floor(tile / columns) * (kh * scale + GAP);
    const left = GAP + (tile % columns) * (kw * scale + GAP);
    for (let colour = 0; colour < colours; colour++) {
      const from = (filter * channels + (tile % perFilter) + colour) * kh * kw;
      for (let y = 0; y < kh * scale; y++) {
        for (let x = 0; x < kw * scale; x++) {
          const value = weight[from + Math.floor(y / scale) * kw + Math.floor(x / scale)] as number;
          const shade = max > min ? Math.round((255 * (value - min)) / (max - min)) : 128;
          pixels[(colour * height + top + y) * width + left + x] = shade;
        }
      }
    }
  }
  return { pixels, shape: [colours, height, width] };
}

const side = (tiles: number, pixels: number): number => GAP + tiles * (pixels + GAP);

function rangeOf(values: ArrayLike<number>, from: number, count: number): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (let i = from; i < from + count; i++) {
    min = Math.min(min, values[i] as number);
    max = Math.max(max, values[i] as number);
  }
  return [min, max];
}
