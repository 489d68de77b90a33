import { grouped } from '@unfold/monitor/internal/browser';
import { useState } from 'preact/hooks';
import type { LinkContent } from '../../spec/link.js';
import { announce } from '../../state/announcement.js';
import { beginLinked, opened, trainLinked, type Verdict, verdictOf } from '../../state/link.js';
import { type Run, runs, stepOf } from '../../state/runs.js';
import { TAKE_TEXTS } from '../../texts/take.js';
import { LinkContents } from './link-content.js';

const texts = TAKE_TEXTS.opened;

/** What a link holds that was opened, and whether what it says comes out here. */
export function OpenedLink() {
  const link = opened.value;
  const [run] = runs.value;
  if (link.state === 'none') return null;
  return (
    <section class="panel take-wide" aria-labelledby="opened-title">
      <h3 id="opened-title">{texts.title}</h3>
      {link.state === 'reading' && <p class="soft">{texts.reading}</p>}
      {link.state === 'refused' && (
        <p class="bad" role="alert">
          {link.reason}
        </p>
      )}
      {link.state === 'read' && (
        <div class="take-opened">
          <LinkContents {...link.content} />
          {run && <Comparison run={run} content={link.content} />}
        </div>
      )}
    </section>
  );
}

const MARKS: Readonly<Partial<Record<Verdict, readonly [mark: string, style: string]>>> = {
  same: ['✓', 'take-same'],
  different: ['✗', 'bad'],
};

function Comparison({ run, content }: { readonly run: Run; readonly content: LinkContent }) {
  const [isTraining, setTraining] = useState(false);
  const verdict = verdictOf(run, content);
  const [mark, style] = MARKS[verdict] ?? ['', ''];
  const { result } = content;
  const fault = run.fault.value;
  const isBusy = isTraining || run.state.value === 'preparing';

  const begin = async (): Promise<void> => {
    await beginLinked(run, content);
    announce(texts.verdicts[verdictOf(run, content)]);
  };
  const train = async (): Promise<void> => {
    if (!result) return;
    setTraining(true);
    announce(texts.training);
    try {
      await trainLinked(run, result);
      announce(run.fault.value ?? texts.verdicts[verdictOf(run, content)]);
    } catch (error) {
      run.blame(error);
    } finally {
      setTraining(false);
    }
  };
  const step = stepOf(run);
  return (
    <div>
      <p class={style}>
        {mark !== '' && <span aria-hidden="true">{mark} </span>}
        {texts.verdicts[verdict]}
      </p>
      {verdict === 'before' && result && (
        <div class="row">
          <button type="button" class="primary" disabled={isBusy} onClick={() => void train()}>
            {isTraining ? texts.training : texts.train(grouped(result.steps - step))}
          </button>
          <progress max={result.steps} value={step} aria-label={texts.training} />
        </div>
      )}
      {(verdict === 'other' || verdict === 'after') && (
        <p class="row">
          <button type="button" disabled={isBusy} onClick={() => void begin()}>
            {texts.begin}
          </button>
          {step > 0 && <span class="soft">{texts.warns}</span>}
        </p>
      )}
      {fault !== null && <p class="bad">{fault}</p>}
    </div>
  );
}
