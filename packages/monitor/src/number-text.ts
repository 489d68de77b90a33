/* How numbers are written for people, on pages and in terminals. */

/** 1,199,882 */
export const grouped = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');

/** 98.93 % */
export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** 1 epoch, 2 epochs, 1,720 steps */
export const counted = (count: number, noun: string): string =>
  `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** How long something took: 31.2 s, 12 min 30 s, 2 h 5 min */
export function duration(seconds: number): string {
  if (seconds < 119.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3599.5) {
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Tells how long a run still takes, which is a guess, in whole units: 7 s, 2 min 5 s, 1 h 12 min */
export function roughDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A learning rate: 0.01, 1.16e-5 */
export const rate = (lr: number): string =>
  lr === 0 || lr >= 1e-3
    ? String(Number(lr.toPrecision(3)))
    : String(Number(lr.toPrecision(3)).toExponential());

/** The value of a metric: accuracies in percent, all else as four digits. */
export const score = (name: string, value: number): string =>
  isShare(name) ? percent(value) : value.toPrecision(4);

/** Whether a metric, by its name, is a share of 1. */
export const isShare = (name: string): boolean => /accuracy$/i.test(name);
