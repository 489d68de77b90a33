import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostStatically, type StaticHost } from '../../playground/scripts/static-host.js';
import { TRAINING_DIGITS } from '../../playground/src/spec/digits.js';
import { DEFAULT_EXPERIMENT, type Experiment } from '../../playground/src/spec/experiment.js';
import { encodeLink } from '../../playground/src/spec/link.js';
import { PRESETS } from '../../playground/src/spec/presets.js';
import { addressOf } from '../../playground/src/spec/route.js';
import { ISOLATION } from '../../playground/src/offline/isolation.js';
import { BROWSERS, type Driver } from '../browser/drivers.js';
import { buildPage } from './page.js';
import { fingerprintAfter } from './support/strict-run.js';

const STEPS = 12;
/** With all that draws random numbers: order, augmentation and dropout. */
const experiment: Experiment = {
  ...DEFAULT_EXPERIMENT,
  network: [
    ...PRESETS['lenet-bn'].slice(0, -1),
    { kind: 'dropout', p: 0.2 },
    { kind: 'linear', features: 10 },
  ],
  batchSize: 32,
  augmentation: 'affine',
  seed: 7,
  strict: true,
};

/** Presses what an opened link offers, one after the other, and waits for the sentence that comes of it. */
const TRAIN_AND_COMPARE = `(async () => {
  for (let tries = 0; tries < 600; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const verdict = document.querySelector('.take-same, .take-opened .bad');
    if (verdict) return verdict.innerText;
    document.querySelector('.take-opened button:enabled')?.click();
  }
  throw new Error('waited in vain at ' + document.body.innerText);
})()`;

let folder: string;
let host: StaticHost;
let fingerprint: string;
beforeAll(async () => {
  folder = buildPage();
  // As of a host that sends them, so that the page needn't load itself again for them.
  host = await hostStatically(folder, { headers: ISOLATION });
  fingerprint = await fingerprintAfter(experiment, { steps: STEPS, count: TRAINING_DIGITS });
});
afterAll(async () => {
  await host?.close();
  if (folder) await rm(folder, { recursive: true });
});

describe.each(BROWSERS)('a link opened in $name', ({ launch, missing }) => {
  let driver: Driver;
  beforeAll(async () => {
    if (missing === null) driver = await launch();
  });
  afterAll(() => driver?.close());

  const open = async (result: { steps: number; fingerprint: string }): Promise<string> => {
    const link = await encodeLink({ experiment, digit: null, result });
    // A page of its own each time: one that is open already would show the other link's verdict at first.
    const page = `${host.url}?${result.steps}`;
    return driver.evaluate(page + addressOf('take', '', link), TRAIN_AND_COMPARE);
  };

  it.skipIf(missing)('trains to the bits that Node trains to', async () => {
    expect(await open({ steps: STEPS, fingerprint })).toMatch(/The same/u);
  });

  it.skipIf(missing)('whose result is another says that it is not the same', async () => {
    expect(await open({ steps: 1, fingerprint })).toMatch(/Not the same/u);
  });
});
