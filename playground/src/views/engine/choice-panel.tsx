import { useId } from 'preact/hooks';
import { act } from '../../state/controls.js';
import { draftOf, editDraft } from '../../state/draft.js';
import { engineChoice, isIsolated, mostThreads } from '../../state/engine-choice.js';
import { runs } from '../../state/runs.js';
import { ENGINE_TEXTS } from '../../texts/engine.js';

/** What the next run computes with. */
export function ChoicePanel() {
  const texts = ENGINE_TEXTS.choice;
  const [run] = runs.value;
  const choice = engineChoice.value;
  const running = run?.engine.value;
  const isReference = choice.kernels === 'reference';
  const threadsHint = useId();
  return (
    <section class="panel" aria-labelledby="engine-choice">
      <h3 id="engine-choice">{texts.title}</h3>
      <p>
        {running ? texts.running(running.description) : texts.none}
        {running?.warnings.map((warning) => (
          <span class="soft" key={warning}>
            {' '}
            {texts.warning(warning)}
          </span>
        ))}
      </p>
      <div class="engine-fields">
        <label>
          {texts.kernels.label}
          <select
            value={choice.kernels}
            onChange={({ currentTarget: { value } }) => {
              const kernels = value === 'reference' ? 'reference' : 'wasm';
              engineChoice.value = { ...choice, kernels };
            }}
          >
            <option value="wasm">{texts.kernels.wasm}</option>
            <option value="reference">{texts.kernels.reference}</option>
          </select>
        </label>
        <label>
          {texts.threads}
          <select
            value={String(isReference ? 1 : choice.threads)}
            disabled={isReference || mostThreads === 1}
            aria-describedby={threadsHint}
            onChange={({ currentTarget: { value } }) => {
              engineChoice.value = { ...choice, threads: Number(value) };
            }}
          >
            {Array.from({ length: mostThreads }, (_, i) => (
              <option key={i} value={String(i + 1)}>
                {i + 1}
              </option>
            ))}
          </select>
        </label>
        <label class="engine-check">
          <input
            type="checkbox"
            checked={choice.compiled}
            onChange={({ currentTarget: { checked } }) => {
              engineChoice.value = { ...choice, compiled: checked };
            }}
          />
          {texts.compiled}
        </label>
        {run && (
          <label class="engine-check">
            <input
              type="checkbox"
              checked={draftOf(run).strict}
              onChange={({ currentTarget: { checked } }) => editDraft(run, { strict: checked })}
            />
            {texts.strict}
          </label>
        )}
      </div>
      <p class="soft" id={threadsHint}>
        {isReference ? texts.referenceThreads : isIsolated ? texts.sameBits : texts.oneThread}
      </p>
      <p class="soft">{texts.next}</p>
      {run && (
        <button
          type="button"
          disabled={run.state.value === 'preparing'}
          onClick={() => void act('reset', [run])}
        >
          {texts.begin}
        </button>
      )}
    </section>
  );
}
