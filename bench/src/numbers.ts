/** Milliseconds with three significant digits. */
export const milliseconds = (ms: number) =>
  ms >= 1000 ? ms.toLocaleString('en', { maximumFractionDigits: 0 }) : ms.toPrecision(3);

/** A quotient with three significant digits. */
export const ratio = (value: number) =>
  value >= 100 ? value.toLocaleString('en', { maximumFractionDigits: 0 }) : value.toPrecision(3);

export const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
