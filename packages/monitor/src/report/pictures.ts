import { encode } from 'fast-png';
import type { Dataset } from '@unfold/train';
import { type Html, html } from './html.js';
import type { Planes } from './planes.js';
import { reachOf } from '../extent.js';

/** An image of bytes. */
export interface ReportPicture {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for red, green and blue. */
  readonly channels: 1 | 3;
  /** `[height, width, channels]` */
  readonly pixels: Uint8Array;
}

/**
 * Image i of a dataset: with three channels in colour, else its first channel. Numbers that are no
 * bytes are stretched from the image's smallest to its largest.
 * @throws ConfigError unless i is an integer from 0 to `length - 1`.
 */
export function pictureOf(dataset: Dataset, i: number): ReportPicture {
  const [c, height, width] = dataset.shape;
  const channels = c === 3 ? 3 : 1;
  const plane = height * width;
  const image = dataset.image(i).subarray(0, channels * plane);
  const bytes = image instanceof Uint8Array ? image : stretch(image);
  const pixels = new Uint8Array(channels * plane);
  for (let p = 0; p < pixels.length; p++) {
    pixels[p] = bytes[(p % channels) * plane + Math.floor(p / channels)] as number;
  }
  return { width, height, channels, pixels };
}

function stretch(values: Float32Array): Uint8Array {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const range = most > least ? most - least : 1;
  return Uint8Array.from(values, (value) => Math.round((255 * (value - least)) / range));
}

/**
 * An `<img>` that carries its picture in itself.
 * @param shown.alt What it shows, in words.
 * @param shown.about The height on the page, in CSS pixels: the nearest multiple of its own is taken.
 */
export function image(
  { width, height, channels, pixels }: ReportPicture,
  { alt, about }: { readonly alt: string; readonly about: number },
): Html {
  const png = encode({ width, height, channels, depth: 8, data: pixels }, SMALL);
  return img(png, { width, height, alt, about });
}

/** Orange below zero, blue above: told apart by all eyes, and seen on light and dark pages. */
const BELOW = [224, 123, 26] as const;
const ABOVE = [47, 129, 247] as const;
/** What is no number is neither. */
const NO_NUMBER = [128, 128, 128] as const;
/** Colours for -127…127, which are stored as 0…254; the nearer to zero, the more transparent. */
const PALETTE = Array.from({ length: 255 }, (_, i) => [
  ...(i < 127 ? BELOW : ABOVE),
  // Never 255: an encoder may leave the opaque colours out of the list of opacities.
  2 * Math.abs(i - 127),
]).concat([[...NO_NUMBER, 254]]);
/** The place of the colour of what is no number. */
const NO_NUMBER_AT = 255;

/**
 * The planes as pictures, one for each filter or map, the channels of a filter side by side. All share
 * one scale: the largest magnitude among them that is finite has the full colour. What is NaN is grey.
 * `about` is as for `image`.
 */
export function planeImages(
  { shape: [count, channels, h, w], values }: Planes,
  about: number,
): Html[] {
  const most = reachOf(values) || 1;
  const size = { width: channels * w, height: h };
  return Array.from({ length: count }, (_, i) => {
    const data = new Uint8Array(channels * h * w);
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          const value = values[((i * channels + c) * h + y) * w + x] as number;
          data[y * size.width + c * w + x] = placeOf(value / most);
        }
      }
    }
    const png = encode({ ...size, channels: 1, depth: 8, data, palette: PALETTE }, SMALL);
    return img(png, { ...size, alt: '', about });
  });
}

/** The place of a colour, for -1…1. An infinity has the fullest one. */
function placeOf(share: number): number {
  if (Number.isNaN(share)) return NO_NUMBER_AT;
  return 127 + Math.round(127 * Math.max(-1, Math.min(1, share)));
}

const SMALL = { zlib: { level: 9 } } as const;

/** How many times as large a picture is shown: whole, so that its pixels stay squares. */
export const timesOf = (height: number, about: number): number =>
  Math.max(1, Math.round(about / height));

interface Shown {
  readonly width: number;
  readonly height: number;
  readonly alt: string;
  readonly about: number;
}

function img(png: Uint8Array, { width, height, alt, about }: Shown): Html {
  const times = timesOf(height, about);
  const address = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return html`<img
    src="${address}"
    width="${times * width}"
    height="${times * height}"
    alt="${alt}"
  />`;
}
