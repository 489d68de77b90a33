import { fixed, grouped, percent } from '@unfold/monitor/internal/browser';
import { RECENT } from '../../state/controls.js';
import { recentMean } from '../../state/history.js';
import { type Run, runs, type Scores, stepOf } from '../../state/runs.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { CurveChart } from './curve-chart.js';
import { curveData } from './curve-data.js';

const { curves: texts, bar } = TRAIN_TEXTS;

/** More stretches than this are more than a wide screen shows. */
const STRETCHES = 400;

/** The losses and accuracies of all runs, as curves and as figures. */
export function Curves() {
  const names = runs.value.map(({ name }) => name);
  return (
    <div class="curves">
      <figure>
        <figcaption>
          <h3>{texts.loss}</h3> <span class="soft curve-note">{texts.lossNote}</span>
        </figcaption>
        <CurveChart
          title={texts.loss}
          empty={texts.emptyLoss}
          axis={texts.lossAxis}
          isLogarithmic
          names={names}
          textOf={fixed}
          data={() =>
            curveData(
              runs.value.map(({ history, validations }) => ({
                values: history.value.losses,
                validations: validations.value.map(({ step, loss }) => ({ step, value: loss })),
              })),
              STRETCHES,
            )
          }
        />
        <Current
          of={(run) => {
            const mean = recentMean(run.history.value.losses, RECENT);
            return mean === null ? undefined : fixed(mean);
          }}
          score={lossOf}
        />
      </figure>
      <figure>
        <figcaption>
          <h3>{texts.accuracy}</h3>
        </figcaption>
        <CurveChart
          title={texts.accuracy}
          empty={texts.emptyAccuracy}
          axis={texts.accuracyAxis}
          isLogarithmic={false}
          names={names}
          textOf={(value) => percent(value / 100)}
          data={() => {
            const data = curveData(
              runs.value.map(({ history, validations }) => ({
                values: history.value.accuracies,
                validations: validations.value.map(({ step, accuracy }) => ({
                  step,
                  value: accuracy,
                })),
              })),
              STRETCHES,
            );
            return { ...data, curves: data.curves.map(inPercent) };
          }}
        />
        <Current
          of={(run) => {
            const mean = recentMean(run.history.value.accuracies, RECENT);
            return mean === null ? undefined : percent(mean);
          }}
          score={rightOf}
        />
      </figure>
      <Validations />
    </div>
  );
}

const lossOf = ({ loss }: Scores): string => fixed(loss);
const rightOf = ({ accuracy }: Scores): string => percent(accuracy);

type Curve = ReturnType<typeof curveData>['curves'][number];

function inPercent({ batches, mean, validation }: Curve): Curve {
  const times100 = (values: Curve['mean']): Curve['mean'] =>
    values.map((value) => (value === null ? null : 100 * value));
  return { batches: times100(batches), mean: times100(mean), validation: times100(validation) };
}

interface CurrentProps {
  readonly of: (run: Run) => string | undefined;
  readonly score: (scores: Scores) => string;
}

/** The last figures of a chart in words, for who doesn't see it. */
function Current({ of, score }: CurrentProps) {
  return (
    <>
      {runs.value.map((run) => {
        const step = stepOf(run);
        const last = run.validations.value.at(-1);
        const name = runs.value.length === 1 ? '' : texts.of(run.name);
        return (
          <p key={run.name} class="unseen">
            {step === 0
              ? texts.empty
              : texts.current(
                  name,
                  grouped(step),
                  of(run) ?? bar.none,
                  last ? score(last) : bar.none,
                )}
          </p>
        );
      })}
    </>
  );
}

/** The newest rows of the table; an evening has thousands. */
const ROWS = 50;

function Validations() {
  const rows = runs.value
    .flatMap(({ name, validations }) =>
      validations.value.slice(-ROWS).map((scores) => ({ name, ...scores })),
    )
    .sort((a, b) => b.step - a.step)
    .slice(0, ROWS);
  const { columns } = texts;
  return (
    <details class="validations">
      <summary>{texts.table}</summary>
      {rows.length === 0 && <p class="soft">{texts.noRows}</p>}
      <div class="scrolled" tabIndex={0} role="region" aria-label={texts.table}>
        <table>
          <thead>
            <tr>
              <th scope="col">{columns.run}</th>
              <th scope="col">{columns.step}</th>
              <th scope="col">{columns.loss}</th>
              <th scope="col">{columns.accuracy}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.name} ${row.step}`}>
                <td>{row.name}</td>
                <td>{grouped(row.step)}</td>
                <td>{lossOf(row)}</td>
                <td>{rightOf(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
