import { figure, grouped } from '@unfold/monitor/internal/browser';
import type { EngineTiming } from '../../lab/protocol.js';
import { inspectNetwork } from '../../spec/network.js';
import { presetNameOf } from '../../spec/presets.js';
import { ENGINE_TEXTS } from '../../texts/engine.js';
import { BASELINE } from './candidates.js';
import type { Measurement } from './measurement.js';

const texts = ENGINE_TEXTS;

/** Where the page runs. */
export interface Place {
  readonly browser: string;
  readonly cores: number;
  readonly isIsolated: boolean;
}

/** The timing that the others' bits are held against; undefined before it is there. */
export const baselineOf = ({ rows }: Measurement): EngineTiming | undefined => {
  const row = rows.find(({ candidate }) => candidate.name === BASELINE);
  return row?.outcome.state === 'done' ? row.outcome.timing : undefined;
};

/** Whether an engine made the bits of the baseline, in a word. */
export function bitsText(timing: EngineTiming, baseline: EngineTiming | undefined): string {
  if (!baseline || baseline === timing) return timing.fingerprint;
  const isSame = timing.fingerprint === baseline.fingerprint;
  return isSame ? texts.table.same : texts.table.other(timing.fingerprint);
}

/** What was measured of: the network, its size and the batch. */
export function subjectText({ experiment }: Measurement): string {
  const { network, batchSize } = experiment;
  const { macs, parameters } = inspectNetwork(network);
  const name = presetNameOf(network) ?? texts.ownNetwork;
  return texts.subject(name, grouped(parameters), grouped(macs), batchSize);
}

/** The measurement as a text to send to others. */
export function reportText(
  measurement: Measurement,
  { browser, cores, isIsolated }: Place,
): string {
  const baseline = baselineOf(measurement);
  const { report } = texts;
  const lines = measurement.rows.map(({ candidate, outcome }) => {
    const name = texts.names[candidate.name];
    if (outcome.state !== 'done') return [name, texts.states[outcome.state]];
    const { timing } = outcome;
    return [
      name,
      timing.engine.description,
      `${figure(timing.milliseconds)} ms`,
      `${figure(timing.gflops)} GFLOP/s`,
      bitsText(timing, baseline),
    ];
  });
  return [
    report.title,
    report.browser(browser),
    report.place(cores, isIsolated),
    subjectText(measurement),
    '',
    ...lines.map((cells) => cells.join(' | ')),
    '',
  ].join('\n');
}
