import { useEffect, useId, useState } from 'preact/hooks';
import type { LinkContent } from '../../spec/link.js';
import { announce } from '../../state/announcement.js';
import { digit } from '../../state/digit.js';
import { engineChoice } from '../../state/engine-choice.js';
import { addressWith, linkedExperiment, resultOf } from '../../state/link.js';
import type { Run } from '../../state/runs.js';
import { TAKE_TEXTS } from '../../texts/take.js';
import { CopyButton } from './copy-button.js';
import { LinkContents } from './link-content.js';

const texts = TAKE_TEXTS.share;

/** The link to the run at hand. */
export function ShareLink({ run }: { readonly run: Run }) {
  const [withDigit, setWithDigit] = useState(true);
  const id = useId();
  const experiment = linkedExperiment.value;
  const found = resultOf(run);
  if (!experiment) return null;
  const content: LinkContent = {
    experiment,
    digit: withDigit ? digit.value : null,
    result: typeof found === 'string' ? null : found,
  };
  const begin = async (): Promise<void> => {
    await run.create(experiment, engineChoice.value);
    announce(texts.strictBegun);
  };
  return (
    <section class="panel" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{texts.title}</h3>
      <p class="soft">{texts.about}</p>
      <Address content={content} id={id} />
      {digit.value && (
        <label class="check">
          <input
            type="checkbox"
            checked={withDigit}
            onChange={(event) => setWithDigit(event.currentTarget.checked)}
          />
          {texts.withDigit}
        </label>
      )}
      {typeof found === 'string' && <p>{texts.noResult[found]}</p>}
      {found === 'notStrict' && (
        <button
          type="button"
          disabled={run.state.value === 'preparing'}
          onClick={() => void begin()}
        >
          {texts.strictly}
        </button>
      )}
      <h4>{texts.holds}</h4>
      <LinkContents {...content} />
    </section>
  );
}

function Address({ content, id }: { readonly content: LinkContent; readonly id: string }) {
  const [address, setAddress] = useState('');
  const { experiment, digit, result } = content;
  useEffect(() => {
    let isCurrent = true;
    const show = (made: string): void => {
      if (isCurrent) setAddress(made);
    };
    addressWith({ experiment, digit, result }).then(show, () => show(''));
    return () => {
      isCurrent = false;
    };
    // The result is a new object each time.
  }, [experiment, digit, result?.steps, result?.fingerprint]);
  return (
    <>
      <label for={`${id}-address`}>{texts.address}</label>
      <textarea
        id={`${id}-address`}
        class="take-address"
        readOnly
        rows={4}
        value={address}
        spellcheck={false}
      />
      <div class="row">
        <CopyButton text={address} what={texts.address} from={`${id}-address`} />
        <span class="soft">{texts.length(address.length)}</span>
      </div>
    </>
  );
}
