import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { DigitSet } from '../../lab/protocol.js';
import { Picture } from '../../parts/picture.js';
import { columnsOf, useRoving } from '../../parts/roving.js';
import { digitSets, loadDigitSets } from '../../state/digit-sets.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { SIDE } from './drawing.js';
import { pixelsAt, placesOf, someOf } from './sampling.js';
import { replaceBy } from './steps.js';

const { samples } = DRAW_TEXTS;
/** How many are shown to choose from. */
const SHOWN = 12;

/** Digits of the test set, to be put on the drawing area. */
export function Samples() {
  const loading = digitSets.value;
  const load = (): void => {
    // What goes wrong is shown: the signal says so.
    loadDigitSets().catch(() => undefined);
  };
  useEffect(load, []);
  return (
    <section class="panel" aria-labelledby="draw-samples">
      <h3 id="draw-samples">{samples.title}</h3>
      <p class="soft draw-small">{samples.how}</p>
      {loading.state === 'ready' && <Choice set={loading.sets.test} />}
      {loading.state === 'loading' && (
        <label class="draw-small">
          {samples.loading} <progress value={loading.bytes} max={loading.of} />
        </label>
      )}
      {loading.state === 'failed' && (
        <>
          <p class="bad">{samples.failed(loading.reason)}</p>
          <button type="button" onClick={load}>
            {samples.again}
          </button>
        </>
      )}
    </section>
  );
}

function Choice({ set }: { readonly set: DigitSet }) {
  const label = useSignal<number | null>(null);
  const turn = useSignal(0);
  const places = useMemo(() => placesOf(set, label.value), [set, label.value]);
  const shown = useMemo(() => someOf(places, SHOWN), [places, turn.value]);
  const roving = useRoving(shown.length, columnsOf);
  const choose = (place: number): void => {
    const shows = set.labels[place] ?? 0;
    const base = { pixels: pixelsAt(set, place), label: shows };
    replaceBy({ base, strokes: [] }, samples.chosen(shows, place + 1));
  };
  return (
    <>
      <div class="row">
        <label>
          {samples.which}{' '}
          <select
            value={label.value ?? ''}
            onChange={({ currentTarget: { value } }) => {
              label.value = value === '' ? null : Number(value);
            }}
          >
            <option value="">{samples.every}</option>
            {DIGITS.map((digit) => (
              <option key={digit} value={digit}>
                {digit}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => someOf(places, 1).forEach(choose)}>
          {samples.random}
        </button>
        <button
          type="button"
          onClick={() => {
            turn.value++;
          }}
        >
          {samples.others}
        </button>
      </div>
      <div class="draw-strip" role="group" aria-label={samples.strip} onKeyDown={roving.onKeyDown}>
        {shown.map((place, i) => (
          <button
            key={place}
            type="button"
            aria-label={samples.sample(set.labels[place] ?? 0, place + 1)}
            onClick={() => choose(place)}
            {...roving.cell(i)}
          >
            <Picture
              values={pixelsAt(set, place)}
              width={SIDE}
              height={SIDE}
              colours="grey"
              low={0}
              high={255}
              label=""
            />
          </button>
        ))}
      </div>
    </>
  );
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);
