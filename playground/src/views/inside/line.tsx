import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Convolution, numberAt } from '../../spec/convolution/convolution.js';
import { isPadding } from '../../spec/convolution/geometry.js';
import { isPixel, type Place } from '../../spec/convolution/links.js';
import { sumOf } from '../../spec/convolution/sums.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Act } from './act.js';
import { layerAtHand } from './layer.js';
import { full, WRITTEN, written } from './numbers.js';
import { viewWidth } from './room.js';
import { equationOf, soFarOf, storyOf } from './sentences.js';
import { image, pointed, position, stepTo, watched } from './state.js';

const { steps, sentence } = INSIDE_TEXTS;

/** From this width of the view on, in pixels, so many products that are not whole are written out. */
const PRODUCTS = [
  [1600, WRITTEN],
  [600, 4],
  [0, 2],
] as const;

/** What is pointed at, with its sum, and the steps from patch to patch: always in sight. */
export function Line({ convolution }: { readonly convolution: Convolution }) {
  const place = pointed.value;
  const n = image.value;
  const { terms } = sumOf(convolution, n, place);
  // Numbers that are not whole are long, and the grids have to stay in sight.
  const isWhole = Number.isInteger(terms[0]?.[0] ?? 0);
  const most = isWhole
    ? WRITTEN
    : (PRODUCTS.find(([width]) => viewWidth.value >= width)?.[1] ?? WRITTEN);
  const isLong = terms.length > most;
  return (
    <div class="line" role="region" aria-label={steps.region}>
      <Steps p={convolution.geometry.p} />
      <p class="equation">{equationOf(convolution, n, place, most)}</p>
      <p class="story">
        {storyOf(convolution, n, place)}
        {watched.value && place.in === 'dX' && ` ${soFarOf(convolution, n, place, position.value)}`}
        {rounding(convolution, place)}
      </p>
      {isLong && (
        <details class="all-products">
          <summary>
            {isPixel(place) ? sentence.allAdded(terms.length) : sentence.all(terms.length)}
          </summary>
          <p tabIndex={0}>{written(sumOf(convolution, n, place), String, terms.length)}</p>
        </details>
      )}
    </div>
  );
}

/** For a layer of the network: how far its float32 is from the sum here, in float64. */
function rounding(convolution: Convolution, place: Place): string {
  const layer = layerAtHand.value;
  if (layer.state !== 'ready' || layer.convolution !== convolution) return '';
  const given = givenBy(convolution, layer.view, place);
  if (given === null) return '';
  const { total } = sumOf(convolution, image.value, place);
  return ` ${sentence.core(full(given), Math.abs(given - total).toExponential(1))}`;
}

interface Given {
  readonly out: ArrayLike<number>;
  readonly dX: ArrayLike<number>;
  readonly dWeight: ArrayLike<number>;
}

/** What the worker has for a cell; null where it hands nothing over. */
function givenBy({ geometry }: Convolution, view: Given, place: Place): number | null {
  const { H, W, padding, k, p } = geometry;
  switch (place.in) {
    case 'out':
      return numberAt(view.out, place.o * p + place.r);
    case 'dWeight':
      return numberAt(view.dWeight, place.o * k + (place.e % k));
    case 'dX':
      if (isPadding(geometry, place)) return null;
      return numberAt(view.dX, (place.c * H + place.h - padding) * W + place.w - padding);
    default:
      return null;
  }
}

const playing = signal(false);
const STEP_MS = 900;

/** Step, play and scrub through the positions of the window. */
function Steps({ p }: { readonly p: number }) {
  const r = Math.min(position.value, p - 1);
  const isPlaying = playing.value;
  // Who asked for less motion gets steps alone.
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setInterval(() => {
      if (position.peek() >= p - 1) playing.value = false;
      else stepTo(position.peek() + 1);
    }, STEP_MS);
    return () => clearInterval(timer);
  }, [isPlaying, p]);
  useEffect(
    () => () => {
      playing.value = false;
    },
    [],
  );
  return (
    <div class="steps">
      <Act isIdle={r === 0} act={() => stepTo(position.peek() - 1)}>
        {steps.back}
      </Act>
      <Act isPrimary isIdle={r >= p - 1} act={() => stepTo(position.peek() + 1)}>
        {steps.next}
      </Act>
      {!isStill && (
        <Act
          isIdle={p === 1}
          act={() => {
            if (!isPlaying && r >= p - 1) stepTo(0);
            playing.value = !isPlaying;
          }}
        >
          {isPlaying ? steps.pause : steps.play}
        </Act>
      )}
      <label class="scrubber">
        <span>{steps.value(r, p)}</span>
        <input
          type="range"
          aria-label={steps.label}
          aria-valuetext={steps.value(r, p)}
          min={0}
          max={p - 1}
          value={r}
          onInput={(event) => stepTo(event.currentTarget.valueAsNumber)}
        />
      </label>
    </div>
  );
}
