import { grouped } from '@unfold/monitor/internal/browser';
import { TAKE_TEXTS } from '../../texts/take.js';

const { sizes } = TAKE_TEXTS;

/** A number of bytes for people: 812 bytes, 24.9 kB, 4.8 MB. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return sizes.bytes(grouped(bytes));
  if (bytes < 999_500) return sizes.kilobytes(threeDigits(bytes / 1e3));
  return sizes.megabytes(threeDigits(bytes / 1e6));
}

const threeDigits = (value: number): string => String(Number(value.toPrecision(3)));
