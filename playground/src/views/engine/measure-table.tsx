import { figure } from '@unfold/monitor/internal/browser';
import { ENGINE_TEXTS } from '../../texts/engine.js';
import type { Measurement, Outcome } from './measurement.js';
import { baselineOf, bitsText } from './report.js';

/** The engines, each with the time of a step, its operations a second, and whether the bits agree. */
export function MeasureTable({ measurement }: { readonly measurement: Measurement }) {
  const texts = ENGINE_TEXTS;
  const baseline = baselineOf(measurement);
  const fastest = Math.max(...measurement.rows.map(({ outcome }) => speedOf(outcome)));
  return (
    // It scrolls by itself where it is wider than the page, and by keyboard, too.
    <div class="engine-scroll" tabIndex={0} role="region" aria-label={texts.table.label}>
      <table class="engine-table">
        <thead>
          <tr>
            <th scope="col">{texts.table.engine}</th>
            <th scope="col" class="number">
              {texts.table.time}
            </th>
            <th scope="col" class="number">
              {texts.table.gflops}
            </th>
            <th scope="col">{texts.table.bits}</th>
          </tr>
        </thead>
        <tbody>
          {measurement.rows.map(({ candidate, outcome }) => (
            <tr key={candidate.name}>
              <th scope="row">
                {texts.names[candidate.name]}
                <span class="engine-description soft">
                  {outcome.state === 'done' && outcome.timing.engine.description}
                </span>
              </th>
              {outcome.state === 'done' ? (
                <>
                  <td class="number">{figure(outcome.timing.milliseconds)}</td>
                  <td class="number">
                    {figure(outcome.timing.gflops)}
                    <span
                      class="engine-bar"
                      style={{ width: `${(100 * outcome.timing.gflops) / fastest}%` }}
                    />
                  </td>
                  <td>
                    {bitsText(outcome.timing, baseline)}
                    {outcome.timing.engine.warnings.map((warning) => (
                      <span class="engine-description soft" key={warning}>
                        {warning}
                      </span>
                    ))}
                  </td>
                </>
              ) : (
                <td colSpan={3} class={outcome.state === 'failed' ? 'bad' : 'soft'}>
                  {outcome.state === 'failed'
                    ? texts.failed(outcome.reason)
                    : texts.states[outcome.state]}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const speedOf = (outcome: Outcome): number =>
  outcome.state === 'done' ? outcome.timing.gflops : 0;
