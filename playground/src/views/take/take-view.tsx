import { TEXTS } from '../../texts.js';

export function TakeView() {
  return <h2>{TEXTS.page.views.take}</h2>;
}
