import { TEXTS } from '../../texts.js';

export function TrainView() {
  return <h2>{TEXTS.page.views.train}</h2>;
}
