import { Foot } from './foot.js';
import { Notices } from './notices.js';
import { RunBar } from './parts/run-bar.js';
import { announcement } from './state/announcement.js';
import { addressOf, VIEWS } from './spec/route.js';
import { route } from './state/route.js';
import { type Theme, theme } from './state/theme.js';
import { PAGE_TEXTS } from './texts/page.js';
import { ViewAt } from './views/view-at.js';

/** The whole page: a head with the navigation, one view, and what a screen reader is told. */
export function App() {
  const { view } = route.value;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          // The address says the view, so the link must not change it.
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        {PAGE_TEXTS.skip}
      </a>
      <header class="head">
        <h1>{PAGE_TEXTS.title}</h1>
        <nav aria-label={PAGE_TEXTS.title}>
          <ul>
            {VIEWS.map((name) => (
              <li key={name}>
                <a href={addressOf(name)} aria-current={name === view ? 'page' : undefined}>
                  {PAGE_TEXTS.views[name]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <ThemeChoice />
      </header>
      <Notices />
      <RunBar />
      <main id="content" tabIndex={-1}>
        <ViewAt view={view} />
      </main>
      <Foot />
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function ThemeChoice() {
  const { label, ...choices } = PAGE_TEXTS.theme;
  return (
    <label class="theme">
      <span>{label}</span>{' '}
      <select
        value={theme.value}
        onChange={(event) => {
          theme.value = event.currentTarget.value as Theme;
        }}
      >
        {Object.entries(choices).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
