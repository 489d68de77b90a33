import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { reload, reloadBrings } from './offline/offline.js';
import { announce } from './state/announcement.js';
import { digitSets, loadDigitSets } from './state/digit-sets.js';
import { lack } from './state/support.js';
import { expectLeaving, losesSteps } from './state/taken-along.js';
import { PAGE_TEXTS } from './texts/page.js';
import './style/notices.css';

/** Whether a part of the page that is loaded when it is wanted could not be had. */
const partIsMissing = signal(false);
addEventListener('vite:preloadError', () => {
  partIsMissing.value = true;
});

/** What the page as a whole has to say: what this browser lacks, what didn't load, what a reload brings. */
export function Notices() {
  const texts = PAGE_TEXTS.notices;
  const brings = reloadBrings.value;
  const digits = digitSets.value;
  return (
    <div class="notices">
      {lack && <Notice text={texts[lack]} isFault={lack !== 'noSimd'} />}
      {digits.state === 'failed' && (
        <Notice
          isFault
          text={texts.digits(digits.reason)}
          action={texts.again}
          // The state says how it went.
          act={() => void loadDigitSets().catch(() => undefined)}
        />
      )}
      {partIsMissing.value && (
        <Notice
          isFault
          text={withLoss(texts.part)}
          action={texts.reload}
          act={leaving(() => location.reload())}
        />
      )}
      {brings === 'version' && (
        <Notice text={withLoss(texts.version)} action={texts.reload} act={leaving(reload)} />
      )}
    </div>
  );
}

/** What the button costs is said beside it, as nothing asks after it. */
const withLoss = (text: string): string =>
  losesSteps.value ? `${text} ${PAGE_TEXTS.notices.loses}` : text;

/** What threads need, at the foot: it is no matter of urgency, and moves nothing that is being read. */
export function ThreadsOffer() {
  const texts = PAGE_TEXTS.notices;
  if (reloadBrings.value !== 'threads') return null;
  return (
    <li>
      {withLoss(texts.threads)}{' '}
      <button type="button" onClick={leaving(reload)}>
        {texts.reload}
      </button>
    </li>
  );
}

function leaving(act: () => void): () => void {
  return () => {
    expectLeaving();
    act();
  };
}

interface NoticeProps {
  readonly text: string;
  readonly isFault?: boolean;
  /** What its button says; without one there is none. */
  readonly action?: string;
  readonly act?: () => void;
}

function Notice({ text, isFault = false, action, act }: NoticeProps) {
  useEffect(() => announce(text), [text]);
  return (
    <p class={isFault ? 'notice fault' : 'notice'}>
      <span>{text}</span>
      {action !== undefined && (
        <button type="button" onClick={act}>
          {action}
        </button>
      )}
    </p>
  );
}
