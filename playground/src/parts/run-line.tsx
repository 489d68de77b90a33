import { type Run, stepOf } from '../state/runs.js';
import { lineOf } from './line-of-run.js';

export interface RunLineProps {
  readonly run: Run;
  /** The step of the weights that answered, where it isn't the run's own by now. */
  readonly step?: number;
}

/** Names the run that a view asks. */
export function RunLine({ run, step = stepOf(run) }: RunLineProps) {
  const text = lineOf({
    name: run.name,
    network: run.experiment.value.network,
    state: run.state.value,
    step,
    isFromFile: run.file.value !== null,
    scores: run.validation.value,
  });
  return <p class="soft run-line">{text}</p>;
}
