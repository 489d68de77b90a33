import { useSignal } from '@preact/signals';
import type { DigitSet } from '../../lab/protocol.js';
import { useEffect } from 'preact/hooks';
import { Picture } from '../../parts/picture.js';
import { columnsOf, useRoving } from '../../parts/roving.js';
import { PIXELS } from '../../spec/digits.js';
import { addressOf } from '../../spec/route.js';
import { announce } from '../../state/announcement.js';
import { digit } from '../../state/digit.js';
import { TRAIN_TEXTS } from '../../texts/train.js';

const { confusion: texts } = TRAIN_TEXTS;

export interface ConfusedDigitsProps {
  readonly label: number;
  readonly predicted: number;
  /** Places in the set. */
  readonly items: readonly number[];
  readonly set: DigitSet;
  readonly onClose: () => void;
}

/** So many digits are drawn at first, and with each press of the button. */
const PART = 40;

/** The digits behind a cell of the matrix; choosing one puts it at hand for the other views. */
export function ConfusedDigits({ label, predicted, items, set, onClose }: ConfusedDigitsProps) {
  const shown = useSignal(PART);
  const chosen = useSignal<number | null>(null);
  const visible = items.slice(0, shown.value);
  const roving = useRoving(visible.length, columnsOf);
  const text = texts.opened(label, predicted, items.length);
  useEffect(() => announce(text), []);
  const pixelsOf = (item: number): Uint8Array<ArrayBuffer> =>
    set.images.slice(item * PIXELS, (item + 1) * PIXELS);
  return (
    <section class="confused" aria-label={text}>
      <div class="panel-head">
        <h4>{text}</h4>
        <button type="button" onClick={onClose}>
          {texts.close}
        </button>
      </div>
      {items.length === 0 && <p class="soft">{texts.noDigits}</p>}
      <div class="digits" role="group" aria-label={text} onKeyDown={roving.onKeyDown}>
        {visible.map((item, place) => (
          <button
            key={item}
            type="button"
            {...roving.cell(place)}
            aria-label={texts.digit(label, item + 1)}
            aria-pressed={chosen.value === item}
            onClick={() => {
              chosen.value = item;
              digit.value = { pixels: pixelsOf(item), label };
              announce(texts.chosen(label, item + 1));
            }}
          >
            <Picture
              values={set.images.subarray(item * PIXELS, (item + 1) * PIXELS)}
              {...{ width: 28, height: 28, colours: 'grey', low: 0, high: 255, label: '' }}
            />
          </button>
        ))}
      </div>
      {items.length > shown.value && (
        <button
          type="button"
          onClick={() => {
            shown.value += PART;
          }}
        >
          {texts.more(Math.min(PART, items.length - shown.value))}
        </button>
      )}
      {chosen.value !== null && (
        <p class="row">
          {texts.chosen(label, chosen.value + 1)}{' '}
          <a class="button" href={addressOf('draw')}>
            {texts.goTo.draw}
          </a>
          <a class="button" href={addressOf('inside')}>
            {texts.goTo.inside}
          </a>
        </p>
      )}
    </section>
  );
}
