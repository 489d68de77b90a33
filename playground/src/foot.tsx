import { kept } from './offline/offline.js';
import { ThreadsOffer } from './notices.js';
import { PAGE_TEXTS } from './texts/page.js';

/** The foot of the page: its version, whose digits it has, and whether it opens without a network. */
export function Foot() {
  const texts = PAGE_TEXTS.foot;
  return (
    <footer class="foot">
      <ul>
        <li>{texts.version(import.meta.env.VERSION)}</li>
        <li>{texts.digits}</li>
        <li>
          <a href="licences.html">{texts.licences}</a>
        </li>
        <li>{texts.privacy}</li>
        {kept.value === 'kept' && <li>{texts.kept}</li>}
        <ThreadsOffer />
      </ul>
    </footer>
  );
}
