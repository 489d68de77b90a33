import { counted, grouped, roughPercent } from '../number-text.js';
import { type Html, html, type HtmlValue } from './html.js';
import { image } from './pictures.js';
import type { PicturedMistake, TrainingRecord } from './record.js';
import type { Section } from './section.js';

/** Classes whose probabilities are shown. */
const BARS = 3;
/** About how high a picture is on the page. */
const PICTURE_HEIGHT = 84;

/** The worst mistakes as pictures. */
export function mistakesSection(record: TrainingRecord): Section {
  return { id: 'mistakes', title: 'Mistakes', content: gallery(record) };
}

function gallery({ evaluation, mistakes }: TrainingRecord): HtmlValue {
  if (evaluation === null) {
    return html`<p class="note">The run was not tested, so no mistakes are known.</p>`;
  }
  const wrong = evaluation.total - evaluation.correct;
  if (wrong === 0) return html`<p>All test images were recognised.</p>`;
  if (mistakes.length === 0) {
    return html`<p class="note">
      There ${wrong === 1 ? 'was' : 'were'} ${counted(wrong, 'mistake')}; which images were mistaken
      was not kept.
    </p>`;
  }
  const which =
    mistakes.length < wrong
      ? `The worst ${mistakes.length} of ${counted(wrong, 'mistake')}`
      : `All ${counted(wrong, 'mistake')}`;
  return [
    html`<p>
      ${which}: first those whose label the model held least likely. The bars are the probabilities
      that it gave, the label’s in blue.
    </p>`,
    html`<ul class="mistakes">
      ${mistakes.map(card)}
    </ul>`,
  ];
}

function card(mistake: PicturedMistake): Html {
  const { index, label, prediction, picture } = mistake;
  const bars = likeliest(mistake).map(({ name, probability }) => {
    const width = (100 * probability).toFixed(1);
    return html`<li class="${name === label ? 'label' : ''}">
      <span>${name}</span><i style="--width:${width}%"></i><span>${roughPercent(probability)}</span>
    </li>`;
  });
  return html`<li>
    ${image(picture, { alt: `Test image ${grouped(index)}, of class ${label}`, about: PICTURE_HEIGHT })}
    <div>
      <p><b>${label}</b> taken for <b>${prediction}</b></p>
      <ol>
        ${bars}
      </ol>
    </div>
  </li>`;
}

/** The classes of the largest probabilities, and the label's in any case. */
function likeliest({
  label,
  probabilities,
}: PicturedMistake): { readonly name: number; readonly probability: number }[] {
  const ranked = probabilities
    .map((probability, name) => ({ name, probability }))
    .sort((a, b) => b.probability - a.probability);
  const first = ranked.slice(0, BARS);
  if (first.some(({ name }) => name === label)) return first;
  return [...first.slice(0, -1), ...ranked.filter(({ name }) => name === label)];
}
