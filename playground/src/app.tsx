import type { ComponentType } from 'preact';
import { Foot } from './foot.js';
import { Notices } from './notices.js';
import { RunBar } from './parts/run-bar.js';
import { announcement } from './state/announcement.js';
import { addressOf, type View, VIEWS } from './spec/route.js';
import { route } from './state/route.js';
import { type Theme, theme } from './state/theme.js';
import { TEXTS } from './texts.js';
import { DrawView } from './views/draw/draw-view.js';
import { EngineView } from './views/engine/engine-view.js';
import { InsideView } from './views/inside/inside-view.js';
import { TakeView } from './views/take/take-view.js';
import { TrainView } from './views/train/train-view.js';

const SHOWN: Readonly<Record<View, ComponentType>> = {
  train: TrainView,
  draw: DrawView,
  inside: InsideView,
  take: TakeView,
  engine: EngineView,
};

/** The whole page: a head with the navigation, one view, and what a screen reader is told. */
export function App() {
  const { view } = route.value;
  const Shown = SHOWN[view];
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
        {TEXTS.page.skip}
      </a>
      <header class="head">
        <h1>{TEXTS.page.title}</h1>
        <nav aria-label={TEXTS.page.title}>
          <ul>
            {VIEWS.map((name) => (
              <li key={name}>
                <a href={addressOf(name)} aria-current={name === view ? 'page' : undefined}>
                  {TEXTS.page.views[name]}
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
        <Shown />
      </main>
      <Foot />
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function ThemeChoice() {
  const { label, ...choices } = TEXTS.page.theme;
  return (
    <label class="theme">
      {label}{' '}
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
