import { TEXTS } from '../../texts.js';

export function DrawView() {
  return <h2>{TEXTS.page.views.draw}</h2>;
}
