import type { Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Convolution } from '../../spec/convolution/convolution.js';
import { countAt, type Geometry } from '../../spec/convolution/geometry.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { counts, image, rewind, tints } from './state.js';

const texts = INSIDE_TEXTS;

/** What is shown besides the numbers, what the frames mean, and which image of the batch it is. */
export function Layers({ convolution }: { readonly convolution: Convolution }) {
  const { geometry } = convolution;
  const { N, padding } = geometry;
  const isUnread = useMemo(() => hasUnread(geometry), [geometry]);
  // What there is none of needs no key.
  const key = Object.entries(texts.key).filter(
    ([name]) => (name !== 'padding' || padding > 0) && (name !== 'unread' || isUnread),
  );
  return (
    <div class="layer-choices">
      <ul class="key number-grid">
        {key.map(([name, text]) => (
          <li key={name}>
            <span class={`key-cell ${name}`} aria-hidden="true">
              6
            </span>{' '}
            {text}
          </li>
        ))}
      </ul>
      <fieldset>
        <legend>{texts.layers.legend}</legend>
        <Toggle layer={counts} text={texts.layers.counts} />
        <Toggle layer={tints} text={texts.layers.tints} />
        {N > 1 && (
          <label>
            {texts.pickers.image}{' '}
            <select
              value={String(image.value)}
              onChange={(event) => {
                const wanted = Number(event.currentTarget.value);
                rewind();
                image.value = wanted;
              }}
            >
              {Array.from({ length: N }, (_, n) => (
                <option key={n} value={String(n)}>
                  {n}
                </option>
              ))}
            </select>
          </label>
        )}
      </fieldset>
    </div>
  );
}

/** Whether no patch holds some pixel of the padded image. */
function hasUnread(geometry: Geometry): boolean {
  const { PH, PW } = geometry;
  return Array.from({ length: PH * PW }, (_, i) => ({
    c: 0,
    h: Math.floor(i / PW),
    w: i % PW,
  })).some((pixel) => countAt(geometry, pixel) === 0);
}

interface ToggleProps {
  readonly layer: Signal<boolean>;
  readonly text: string;
}

function Toggle({ layer, text }: ToggleProps) {
  return (
    <label>
      <input
        type="checkbox"
        checked={layer.value}
        onChange={(event) => {
          layer.value = event.currentTarget.checked;
        }}
      />{' '}
      {text}
    </label>
  );
}
