import type { Prediction } from '@unfold/train';
import { SIDE } from '@unfold/train/internal';
import { percent } from '../../number-text.js';
import { printable } from '../printable.js';
import { type LineOptions, paint } from './lines.js';
import { digitLines } from './digit.js';

const LONGEST_BAR = 30;
/** `0 `, a space behind the bar, and `100.00 %`. */
const BESIDE_BAR = 11;
const GAP = 3;

/**
 * Shows what a picture was taken for: the digit with its probability, a bar for each of the ten, and the
 * picture that the network saw, beside them or, in narrow windows, below.
 * @param name What the picture is called.
 * @param pixels The 28×28 bytes that the network saw.
 */
export function predictionLines(
  name: string,
  { prediction, pixels }: { readonly prediction: Prediction; readonly pixels: Uint8Array },
  { columns, colour }: LineOptions,
): string[] {
  const { digit, probability, probabilities } = prediction;
  const picture = digitLines(pixels, [SIDE, SIDE], { columns, colour });
  const room = columns - SIDE - GAP;
  const isBeside = room >= BESIDE_BAR + 10;
  const size = Math.max(1, Math.min(LONGEST_BAR, (isBeside ? room : columns) - BESIDE_BAR));
  const bars = probabilities.map((value, c) => {
    const bar = '━'.repeat(Math.round(value * size)).padEnd(size);
    const line = `${c} ${bar} ${percent(value).padStart(8)}`;
    return c === digit ? paint(colour, ['bold', 'green'], line) : line;
  });
  const head = `${printable(name)}: ${paint(colour, 'bold', String(digit))} (${percent(probability)})`;
  if (!isBeside) return [head, ...bars, ...picture];
  // The picture has more lines than there are digits.
  const above = Math.floor((picture.length - bars.length) / 2);
  const body = picture.map((line, i) => `${line}${' '.repeat(GAP)}${bars[i - above] ?? ''}`);
  return [head, ...body.map((line) => line.trimEnd())];
}
