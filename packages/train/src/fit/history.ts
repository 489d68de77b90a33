import { ConfigError } from '@unfold/core';
import { asNumber, asNumbers, asObject } from '../optim/state.js';
import type { EpochReport } from './callback.js';

/** Reports of epochs that were saved as JSON. @throws ConfigError for anything else. */
export function asHistory(where: string, value: unknown): EpochReport[] {
  if (!Array.isArray(value)) throw new ConfigError(`${where}: expected a list of epochs' reports`);
  return value.map((item: unknown, i) => {
    const here = `${where}[${i}]`;
    const { train, validation, ...rest } = asObject(here, item);
    const whole = (name: string): number =>
      asNumber(`${here}.${name}`, rest[name], { integer: true });
    const number = (name: string): number => asNumber(`${here}.${name}`, rest[name]);
    return {
      epoch: whole('epoch'),
      train: asScores(`${here}.train`, train),
      validation: validation === null ? null : asScores(`${here}.validation`, validation),
      lr: number('lr'),
      seconds: number('seconds'),
      images: whole('images'),
    };
  });
}

function asScores(where: string, value: unknown): EpochReport['train'] {
  const entries = Object.entries(asObject(where, value));
  const numbers = asNumbers(
    where,
    entries.map(([, score]) => score),
    entries.length,
  );
  const scores = Object.fromEntries(entries.map(([name], i) => [name, numbers[i]]));
  return { ...scores, loss: asNumber(`${where}.loss`, scores['loss']) };
}
