import type { LayerOutput } from '../../lab/protocol.js';
import { stripSize } from './windowing.js';

/** A layer's output as pictures: one for each channel, or one of all values where there are no channels. */
export interface Channels {
  readonly count: number;
  readonly isFlat: boolean;
  /** Columns and rows of a picture. The last row of a flat one may be shorter than the others. */
  readonly width: number;
  readonly height: number;
  /** Values of a picture. */
  readonly size: number;
  readonly colours: 'grey' | 'signed';
  /** The ends of the colours, for all of them: what they are compared by. */
  readonly low: number;
  readonly high: number;
  valuesOf(channel: number): Float32Array;
}

export function channelsOf({ shape, values }: Pick<LayerOutput, 'shape' | 'values'>): Channels {
  const [channels, height, width] = shape;
  const { least, most } = rangeOf(values);
  const isFlat = height === undefined || width === undefined;
  const size = isFlat ? values.length : height * width;
  // Below 0 there is another colour, as large for the same distance.
  const isSigned = least < 0;
  const reach = Math.max(-least, most);
  return {
    count: isFlat ? 1 : channels,
    isFlat,
    ...(isFlat ? stripSize(size) : { width, height }),
    size,
    colours: isSigned ? 'signed' : 'grey',
    low: isSigned ? -reach : 0,
    high: isSigned ? reach : most,
    valuesOf: (channel) => values.subarray(channel * size, (channel + 1) * size),
  };
}

/** The ends of what is there, and its mean; without values, 0. */
export function rangeOf(values: Float32Array): {
  readonly least: number;
  readonly most: number;
  readonly mean: number;
} {
  if (values.length === 0) return { least: 0, most: 0, mean: 0 };
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  return { least, most, mean: sum / values.length };
}
