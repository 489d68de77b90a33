import { InvalidArgumentError } from 'commander';

/** A parser for whole numbers from `minimum` to `maximum`. */
export function integer(minimum: number, maximum = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const fits = Number.isSafeInteger(value) && value >= minimum && value <= maximum;
    if (text.trim() === '' || !fits) {
      const range =
        maximum === Infinity ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
      throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    }
    return value;
  };
}

/** A parser for numbers of at least `minimum` and below `limit`. */
export function number(minimum: number, limit = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= minimum && value < limit)) {
      const upper = limit === Infinity ? '' : ` and below ${limit}`;
      throw new InvalidArgumentError(`Expected a number of at least ${minimum}${upper}.`);
    }
    return value;
  };
}

/** A parser for finite numbers above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < Infinity)) {
    throw new InvalidArgumentError('Expected a finite number above 0.');
  }
  return value;
}

/** A parser for lists like `1,2,3`: whole numbers from 0, each once. */
export function seedList(text: string): readonly [number, ...number[]] {
  const parts = text.split(',');
  const [first, ...rest] = parts.map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : NaN));
  const seeds = [first, ...rest];
  const areSeeds = seeds.every(Number.isSafeInteger) && new Set(seeds).size === seeds.length;
  if (first === undefined || !areSeeds) {
    throw new InvalidArgumentError('Expected whole numbers from 0, each once, such as 1,2,3.');
  }
  return [first, ...rest];
}
