import { figure } from '@unfold/monitor/internal';

/** A setting is told as it was given. */
const DIGITS = 15;

/** Amounts as all numbers of a page; a seed names a run and is none. */
export function settingText(name: string, value: unknown): string {
  return typeof value === 'number' && name !== 'seed' ? figure(value, DIGITS) : String(value);
}

/** `batchSize` → `batch size`. */
export function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
