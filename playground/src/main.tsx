import { render } from 'preact';
import { App } from './app.js';
import { startOffline } from './offline/offline.js';
import { openFirstRun } from './state/first-run.js';
import { followLinks } from './state/link.js';
import { isQuiet } from './state/quiet.js';
import { askBeforeLeaving } from './state/taken-along.js';
import './style/page.css';

const root = document.getElementById('app');
if (root) {
  openFirstRun();
  root.replaceChildren();
  render(<App />, root);
  followLinks();
  askBeforeLeaving();
  void startOffline(isQuiet);
}
