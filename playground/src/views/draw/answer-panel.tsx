import { act, isFresh, isWanted } from '../../state/controls.js';
import { runs } from '../../state/runs.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { answer } from './state.js';
import { verdictOf } from './verdict.js';
import { percent } from './words.js';

const { answer: texts } = DRAW_TEXTS;

/** The ten probabilities, and what is to be done for better ones. */
export function AnswerPanel() {
  const said = answer.value;
  return (
    <section class="panel" aria-labelledby="draw-answer">
      <h3 id="draw-answer">{texts.title}</h3>
      <Probabilities probabilities={said?.look.probabilities ?? null} />
      {said && (
        <p class="soft draw-small draw-time">{texts.time(said.look.milliseconds.toFixed(2))}</p>
      )}
      <Training />
    </section>
  );
}

function Probabilities({ probabilities }: { readonly probabilities: Float32Array | null }) {
  const likeliest = probabilities && verdictOf(probabilities).first.digit;
  return (
    <table class="draw-bars">
      <thead class="unseen">
        <tr>
          <th scope="col">{texts.digit}</th>
          <th scope="col" aria-hidden="true" />
          <th scope="col">{texts.probability}</th>
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: 10 }, (_, digit) => {
          const share = probabilities?.[digit] ?? 0;
          return (
            <tr key={digit} class={digit === likeliest ? 'draw-likeliest' : undefined}>
              <th scope="row">{digit}</th>
              <td aria-hidden="true">
                <div style={{ transform: `scaleX(${share})` }} />
              </td>
              <td>{probabilities ? percent(share) : '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Why there is no answer, or none of worth, and a button to train the network. */
function Training() {
  const run = runs.value[0];
  const state = run?.state.value;
  if (!run || state === 'new' || state === 'preparing') {
    return <p class="soft draw-small">{texts.preparing}</p>;
  }
  if (state === 'failed') return <p class="bad">{texts.failed(run.fault.value ?? '')}</p>;
  const isUntrained = isFresh(run) && run.file.value === null;
  if (!isUntrained || isWanted(run)) return null;
  return (
    <div class="draw-training">
      <p>{texts.untrained}</p>
      <button type="button" class="primary" onClick={() => void act('toggle', [run])}>
        {texts.start}
      </button>
    </div>
  );
}
