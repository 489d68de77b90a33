import { Later } from '../../parts/later.js';
import { addSecondRun, isFresh, removeSecondRun } from '../../state/controls.js';
import { editedName, editedRun } from '../../state/edited-run.js';
import { runs } from '../../state/runs.js';
import '../../style/train.css';
import { PAGE_TEXTS } from '../../texts/page.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { Confusion } from './confusion.js';
import { Curves } from './curves.js';
import { Filters } from './filters.js';
import { NetworkEditor } from './network-editor.js';
import { TrainingOptions } from './training-options.js';

const texts = TRAIN_TEXTS;

/** Edit a network and its training, watch it learn, and what it learns. */
export function TrainView() {
  const run = editedRun.value;
  return (
    <div class="train">
      <h2 class="unseen">{PAGE_TEXTS.views.train}</h2>
      <div class="train-middle">
        <Intro />
        <section class="panel" aria-label={texts.curves.loss}>
          <Curves />
        </section>
        <SecondRun />
      </div>
      <section class="train-network panel" aria-labelledby="network-title">
        <div class="panel-head">
          <h3 id="network-title">{texts.network.title}</h3>
          <RunTabs />
        </div>
        {run && (
          <Later>
            <NetworkEditor key={run.name} run={run} />
          </Later>
        )}
        {run && (
          <Later>
            <h3>{texts.options.title}</h3>
            <TrainingOptions key={run.name} run={run} />
          </Later>
        )}
      </section>
      <div class="train-insight">
        {run && (
          <Later>
            <Filters run={run} />
            <Confusion run={run} />
          </Later>
        )}
      </div>
    </div>
  );
}

/** What to do, until something was trained. */
function Intro() {
  if (!runs.value.every(isFresh)) return null;
  return (
    <section class="intro panel">
      <h3>{texts.intro.title}</h3>
      <p>{texts.intro.text}</p>
      <p class="soft">{texts.intro.data}</p>
    </section>
  );
}

/** Which of two runs is edited and looked at. */
function RunTabs() {
  if (runs.value.length < 2) return null;
  return (
    <div class="row" role="group" aria-label={texts.network.edited}>
      {runs.value.map(({ name }) => (
        <button
          key={name}
          type="button"
          aria-pressed={editedName.value === name}
          onClick={() => {
            editedName.value = name;
          }}
        >
          <span class={`run-mark run-${name}`} aria-hidden="true" /> {texts.bar.run(name)}
        </button>
      ))}
    </div>
  );
}

function SecondRun() {
  const isThere = runs.value.length > 1;
  return (
    <section class="panel second-run" aria-labelledby="second-title">
      <h3 id="second-title">{texts.second.title}</h3>
      <p class="soft">{texts.second.hint}</p>
      <button
        type="button"
        onClick={() => {
          if (isThere) {
            removeSecondRun();
            editedName.value = 'A';
          } else {
            addSecondRun();
            editedName.value = 'B';
          }
        }}
      >
        {isThere ? texts.second.remove : texts.second.add}
      </button>
    </section>
  );
}
