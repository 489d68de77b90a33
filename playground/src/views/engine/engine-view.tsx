import { TEXTS } from '../../texts.js';

export function EngineView() {
  return <h2>{TEXTS.page.views.engine}</h2>;
}
