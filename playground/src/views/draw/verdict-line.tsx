import { RunLine } from '../../parts/run-line.js';
import { digit } from '../../state/digit.js';
import { runs } from '../../state/runs.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { answer, trouble } from './state.js';
import { sentenceOf } from './words.js';

const { answer: texts } = DRAW_TEXTS;

/** What the network takes the digit for, in a sentence, and which run says so: right at the drawing area. */
export function VerdictLine() {
  const said = digit.value && answer.value;
  const run = runs.value[0];
  return (
    <div class="draw-says">
      <p class="draw-verdict">{said ? sentenceOf(said.look.probabilities) : texts.none}</p>
      {trouble.value !== null && <p class="bad">{texts.failed(trouble.value)}</p>}
      {run && <RunLine run={run} />}
    </div>
  );
}
