import { Picture } from '../../parts/picture.js';
import { digit } from '../../state/digit.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { SIDE } from './drawing.js';
import { answer, trouble } from './state.js';
import { sentenceOf } from './words.js';

const { seen, answer: texts } = DRAW_TEXTS;

/** The 28×28 pixels that go into the network, beside the drawing, and what comes out, in a sentence. */
export function Seen() {
  const shown = digit.value;
  const said = shown && answer.value;
  return (
    <div class="draw-seen">
      <figure>
        {shown ? (
          <Picture
            values={shown.pixels}
            width={SIDE}
            height={SIDE}
            colours="grey"
            low={0}
            high={255}
            label={seen.label}
          />
        ) : (
          <div class="picture draw-nothing" />
        )}
        <figcaption class="soft">{shown ? seen.title : seen.none}</figcaption>
      </figure>
      <div>
        <p class="draw-verdict">{said ? sentenceOf(said.look.probabilities) : texts.none}</p>
        {trouble.value !== null && <p class="bad">{texts.failed(trouble.value)}</p>}
        <p class="soft draw-small">{seen.how}</p>
      </div>
    </div>
  );
}
