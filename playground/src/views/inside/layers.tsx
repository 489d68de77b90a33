import type { Signal } from '@preact/signals';
import type { Convolution } from '../../spec/convolution/convolution.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { counts, image, rewind, tints } from './state.js';

const texts = INSIDE_TEXTS;

/** What is shown besides the numbers, what the frames mean, and which image of the batch it is. */
export function Layers({ convolution }: { readonly convolution: Convolution }) {
  const { N } = convolution.geometry;
  return (
    <div class="layer-choices">
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
      <ul class="key number-grid">
        {Object.entries(texts.key).map(([name, text]) => (
          <li key={name}>
            <span class={`key-cell ${name}`} aria-hidden="true">
              6
            </span>{' '}
            {text}
          </li>
        ))}
      </ul>
    </div>
  );
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
