import { isShare, percent } from '../../number-text.js';

/** Four decimals, as losses and metrics are written. One that was not measured is `NaN`. */
export function fixed(value = NaN): string {
  return value.toFixed(4);
}

/** A metric's value as it is read: of those named an accuracy, `0.9876` is `98.76 %`. */
export function metricText(name: string, value = NaN): string {
  return isShare(name) ? percent(value) : fixed(value);
}

/** A learning rate in three digits: `0.0500`, `0.00125`, `1.25e-5`. */
export function rateText(lr: number): string {
  return lr !== 0 && Math.abs(lr) < 0.001 ? lr.toExponential(2) : lr.toPrecision(3);
}

/** How fast, in whole images a second; `–` where no time has passed. */
export function speedText(images: number, seconds: number): string {
  return seconds > 0 ? String(Math.round(images / seconds)) : '–';
}
