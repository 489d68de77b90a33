import type { Sum } from '../../spec/convolution/sums.js';

/** The minus that is as wide as a plus. */
const MINUS = '−';

/** A number as a cell shows it: short. */
export function brief(value: number): string {
  if (Number.isInteger(value)) return signed(String(value === 0 ? 0 : value));
  const size = Math.abs(value);
  if (size >= 1000) return signed(value.toFixed(0));
  if (size >= 0.001) return signed(value.toFixed(size >= 10 ? 1 : 3));
  return signed(value.toExponential(0));
}

/** A number as a sentence says it: all the digits that a float32 holds. */
export function full(value: number): string {
  return signed(Number.isInteger(value) ? String(value === 0 ? 0 : value) : value.toPrecision(7));
}

const signed = (text: string): string => text.replaceAll('-', MINUS);

/** So many products are written out; of longer sums, the beginning. */
export const WRITTEN = 9;

/** `1·6 + 2·7 − 3·10`; what is left off is counted by `more`. */
export function written(
  { terms, bias }: Sum,
  more: (products: number) => string,
  most = WRITTEN,
): string {
  const parts = terms.slice(0, most).map(product);
  if (terms.length > most) parts.push(more(terms.length - most));
  if (bias !== null) parts.push(product([bias]));
  return parts.reduce((text, part) =>
    part.startsWith(MINUS) ? `${text} ${MINUS} ${part.slice(1)}` : `${text} + ${part}`,
  );
}

/** `3·(−2)`; a sign of the first factor is the product's. */
function product(factors: readonly number[]): string {
  return factors
    .map((factor, i) => {
      const text = short(factor);
      return i > 0 && text.startsWith(MINUS) ? `(${text})` : text;
    })
    .join('·');
}

/** Four digits, so that a line holds some products. */
const short = (value: number): string =>
  Number.isInteger(value) ? full(value) : signed(String(Number(value.toPrecision(4))));
