import { useState } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { cores, isIsolated, mostThreads } from '../../state/engine-choice.js';
import { runs } from '../../state/runs.js';
import { lack } from '../../state/support.js';
import { DEFAULT_EXPERIMENT } from '../../spec/experiment.js';
import { ENGINE_TEXTS } from '../../texts/engine.js';
import { PAGE_TEXTS } from '../../texts/page.js';
import { candidates } from './candidates.js';
import { cancel, isMeasuring, measure, measurement } from './measurement.js';
import { MeasureTable } from './measure-table.js';
import { reportText, subjectText } from './report.js';

/** Measures a training step with each engine. */
export function MeasurePanel() {
  const texts = ENGINE_TEXTS.measure;
  const current = measurement.value;
  const isUnderWay = isMeasuring();
  const canMeasure = lack === null || lack === 'noSimd';
  const begin = async (): Promise<void> => {
    const experiment = runs.value[0]?.experiment.value ?? DEFAULT_EXPERIMENT;
    const all = candidates(mostThreads);
    announce(texts.begun(all.length));
    const isDone = await measure(experiment, all, (done) => announce(texts.done(done, all.length)));
    announce(isDone ? texts.allDone : texts.cancelled);
  };
  const done = current?.rows.filter(({ outcome }) => outcome.state === 'done').length ?? 0;
  return (
    <section class="panel engine-measure" aria-labelledby="engine-measure">
      <h3 id="engine-measure">{texts.title}</h3>
      <p>{texts.intro}</p>
      <div class="row">
        {isUnderWay ? (
          <button type="button" onClick={cancel}>
            {texts.cancel}
          </button>
        ) : (
          <button type="button" class="primary" disabled={!canMeasure} onClick={() => void begin()}>
            {current ? texts.again : texts.start}
          </button>
        )}
        {current && !isUnderWay && done > 0 && <CopyReport />}
        {current && isUnderWay && (
          <label class="engine-progress">
            {texts.progress(done, current.rows.length)}
            <progress value={done} max={current.rows.length} />
          </label>
        )}
      </div>
      {!canMeasure && lack && <p class="bad">{PAGE_TEXTS.notices[lack]}</p>}
      {current && (
        <>
          <p class="soft">{subjectText(current)}</p>
          <MeasureTable measurement={current} />
        </>
      )}
      {!isIsolated && <p class="soft">{ENGINE_TEXTS.choice.oneThread}</p>}
      <p class="soft">{texts.counted}</p>
      <p class="soft">{texts.bits}</p>
    </section>
  );
}

/** Copies the report; where a page may not, it is shown to be copied by hand. */
function CopyReport() {
  const texts = ENGINE_TEXTS.measure;
  const [shown, show] = useState<string | null>(null);
  const copy = async (): Promise<void> => {
    const current = measurement.value;
    if (!current) return;
    const text = reportText(current, { browser: navigator.userAgent, cores, isIsolated });
    try {
      await navigator.clipboard.writeText(text);
      announce(texts.copied);
      show(null);
    } catch {
      show(text);
      announce(texts.notCopied);
    }
  };
  return (
    <>
      <button type="button" onClick={() => void copy()}>
        {texts.copy}
      </button>
      {shown !== null && (
        <label class="engine-report">
          {texts.notCopied}
          <textarea
            readOnly
            rows={10}
            value={shown}
            onFocus={(event) => event.currentTarget.select()}
          />
        </label>
      )}
    </>
  );
}
