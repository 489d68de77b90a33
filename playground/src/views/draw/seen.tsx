import { Picture } from '../../parts/picture.js';
import { digit } from '../../state/digit.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { SIDE } from './drawing.js';

const { seen } = DRAW_TEXTS;

/** The 28×28 pixels that go into the network, as they came of the drawing. */
export function Seen() {
  const shown = digit.value;
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
      <p class="soft draw-small">{seen.how}</p>
    </div>
  );
}
