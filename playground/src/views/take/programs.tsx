import { useEffect, useId, useState } from 'preact/hooks';
import { programOf } from '../../spec/code.js';
import { NORMALIZATION } from '../../spec/digits.js';
import type { Experiment } from '../../spec/experiment.js';
import { prepare } from '../../state/controls.js';
import { experimentAtHand } from '../../state/link.js';
import type { Run } from '../../state/runs.js';
import { TAKE_TEXTS } from '../../texts/take.js';
import { CopyButton } from './copy-button.js';

const texts = TAKE_TEXTS.programs;
const [mean] = NORMALIZATION.mean;
const [std] = NORMALIZATION.std;

/** The programs that make the same network. */
export function Programs({ run }: { readonly run: Run }) {
  const experiment = experimentAtHand(run);
  return (
    <section class="panel take-wide" aria-labelledby="programs-title">
      <h3 id="programs-title">{texts.title}</h3>
      <details open>
        <summary>{texts.typescript}</summary>
        <p class="soft">{texts.typescriptAbout}</p>
        <Program text={programOf(experiment)} what={texts.typescript} />
      </details>
      <PyTorch run={run} experiment={experiment} />
    </section>
  );
}

/** Asked for only when it is opened, as what writes it is large. */
function PyTorch({ run, experiment }: { readonly run: Run; readonly experiment: Experiment }) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const { network } = experiment;
  useEffect(() => {
    if (!isOpen) return undefined;
    let isCurrent = true;
    setText(null);
    setFault(null);
    write(run).then(
      (written) => {
        if (isCurrent) setText(written);
      },
      (error: unknown) => {
        if (isCurrent) setFault(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [run, network, isOpen]);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{texts.pytorch}</summary>
      <p class="soft">{texts.pytorchAbout(mean, std)}</p>
      {text === null ? (
        <p class={fault === null ? 'soft' : 'bad'} role={fault === null ? 'status' : 'alert'}>
          {fault ?? texts.loading}
        </p>
      ) : (
        <Program text={text} what={texts.pytorch} />
      )}
    </details>
  );
}

async function write(run: Run): Promise<string> {
  if (!(await prepare(run))) throw new Error(run.fault.value ?? TAKE_TEXTS.noRun);
  return run.lab.pytorch();
}

function Program({ text, what }: { readonly text: string; readonly what: string }) {
  const id = useId();
  return (
    <>
      <CopyButton text={text} what={what} from={id} />
      {/* It can be scrolled by the keyboard. */}
      <pre id={id} class="take-code" tabIndex={0} role="region" aria-label={what}>
        <code>{text}</code>
      </pre>
    </>
  );
}
