/*
 * How numbers are written for people: in terminals, on pages, and by the programs of pages. It is
 * JavaScript and imports nothing, so that a page that stands by itself can hold it as it is.
 */

/** Below this, and from there on, a power of ten says more than digits do. */
const SMALL = 1e-3;
const LARGE = 1e9;

/** @param {string} digits */
const withCommas = (digits) => digits.replaceAll(/\B(?=(\d{3})+$)/g, ',');

/** 1,199,882 @param {number} count An integer. @returns {string} */
export const grouped = (count) => withCommas(String(count));

/**
 * A measured number in so many significant digits, without zeros at its end: 0.0123, 98.7, 18,426,
 * 4e-7. What stands before the point is never rounded away.
 * @param {number} value
 * @returns {string}
 */
export function figure(value, digits = 3) {
  if (!Number.isFinite(value)) return String(value).replace('Infinity', '∞');
  const size = Math.abs(value);
  const rounded = Number(
    size >= 10 ** digits && size < LARGE ? Math.round(value) : value.toPrecision(digits),
  );
  if (rounded !== 0 && (Math.abs(rounded) < SMALL || Math.abs(rounded) >= LARGE)) {
    return rounded.toExponential().replace('e+', 'e');
  }
  return decimal(String(rounded));
}

/** Commas before the point, none behind it. @param {string} digits */
function decimal(digits) {
  const [whole = '', decimals] = digits.split('.');
  return withCommas(whole) + (decimals === undefined ? '' : `.${decimals}`);
}

/**
 * A loss, and what else is compared digit by digit: four decimals, 0.4300. Where these would say
 * little it is a `figure`: 4.3e-5, 12,346. What was not measured is NaN.
 * @returns {string}
 */
export function fixed(value = NaN) {
  const size = Math.abs(value);
  const isPlain = value === 0 || (size >= SMALL && size < 1e4);
  return isPlain ? value.toFixed(4) : figure(value);
}

/** 98.93 % @param {number} share @returns {string} */
export const percent = (share) => `${(100 * share).toFixed(2)} %`;

/**
 * A probability at a glance: 93 %. What is no 0 and no 1 is not written as such.
 * @param {number} share
 * @returns {string}
 */
export function roughPercent(share) {
  const rounded = Math.round(100 * share);
  if (rounded === 0 && share > 0) return '< 1 %';
  if (rounded === 100 && share < 1) return '> 99 %';
  return `${rounded} %`;
}

/** The value of a metric: accuracies in percent, all else as losses. @param {string} name */
export const score = (name, value = NaN) => (isShare(name) ? percent(value) : fixed(value));

/** Whether a metric, by its name, is a share of 1. @param {string} name */
export const isShare = (name) => /accuracy$/i.test(name);

/** 1 epoch, 2 epochs, 1,720 steps @param {number} count @param {string} noun @returns {string} */
export const counted = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/**
 * Images a second: 13,046, or 34.6 where they are few; – where no time has passed.
 * @param {number} imagesPerSecond
 * @returns {string}
 */
export const speed = (imagesPerSecond) =>
  Number.isFinite(imagesPerSecond) ? figure(imagesPerSecond) : '–';

/** How long something took: 31.2 s, 12 min 30 s, 2 h 5 min @param {number} seconds @returns {string} */
export function duration(seconds) {
  if (seconds < 119.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3599.5) {
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  const minutes = Math.round(seconds / 60);
  return `${grouped(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/**
 * Tells how long a run still takes, which is a guess, in whole units: 7 s, 2 min 5 s, 1 h 12 min
 * @param {number} seconds
 * @returns {string}
 */
export function roughDuration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${grouped(Math.floor(whole / 3600))} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * The marks of an axis, with as many decimals each: 0.05, 0.10, 0.15. Where all are tiny or huge, as
 * `figure`.
 * @param {readonly number[]} values Evenly spaced.
 * @returns {string[]}
 */
export function marks(values) {
  const largest = Math.max(...values.map(Math.abs));
  // Steps that were added up end in digits like 0.30000000000000004.
  const exact = values.map((value) => Number(value.toPrecision(12)));
  if (largest < SMALL || largest >= LARGE) return exact.map((value) => figure(value, 6));
  const decimals = Math.max(...exact.map((value) => decimalsOf(value)));
  return exact.map((value) => decimal(value.toFixed(decimals)));
}

/** @param {number} value */
function decimalsOf(value) {
  for (let decimals = 0; decimals < 10; decimals++) {
    if (Math.abs(Number(value.toFixed(decimals)) - value) < 1e-9 * Math.abs(value)) return decimals;
  }
  return value === 0 ? 0 : 10;
}
