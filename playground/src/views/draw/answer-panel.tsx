import { grouped } from '@unfold/monitor/internal/browser';
import { act } from '../../state/controls.js';
import { runs } from '../../state/runs.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { answer } from './state.js';
import { verdictOf } from './verdict.js';
import { percent } from './words.js';

const { answer: texts } = DRAW_TEXTS;

/** The ten probabilities, and how far the network is trained. */
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

/** How far it is trained, and a button to train it. */
function Training() {
  const run = runs.value[0];
  if (!run) return <p class="soft draw-small">{texts.preparing}</p>;
  const state = run.state.value;
  const step = run.progress.value?.step ?? 0;
  const isRunning = state === 'running';
  const steps = grouped(step);
  if (state === 'failed') return <p class="bad">{texts.failed(run.fault.value ?? '')}</p>;
  if (state !== 'paused' && !isRunning) return <p class="soft draw-small">{texts.preparing}</p>;
  return (
    <div class="draw-training">
      <p class={step === 0 ? undefined : 'soft draw-small'}>
        {isRunning ? texts.training(steps) : step === 0 ? texts.untrained : texts.trained(steps)}
      </p>
      {step === 0 && !isRunning && (
        <button type="button" class="primary" onClick={() => void act('toggle', [run])}>
          {texts.start}
        </button>
      )}
    </div>
  );
}
