import { TEXTS } from '../../texts.js';

export function InsideView() {
  return <h2>{TEXTS.page.views.inside}</h2>;
}
