import type { Convolution } from '../../spec/convolution/convolution.js';
import { RunLine } from '../../parts/run-line.js';
import { EXAMPLES } from '../../spec/convolution/examples.js';
import { reachOf, type Setting } from '../../spec/convolution/geometry.js';
import { addressOf } from '../../spec/route.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { askedLabel, layerAtHand, layerNames, readLayer } from './layer.js';
import { brief } from './numbers.js';
import { Prose } from './prose.js';
import { change, example, misfit, redraw, reset, setting } from './state.js';
import { route } from '../../state/route.js';
import { runs } from '../../state/runs.js';

const texts = INSIDE_TEXTS;

/** What is looked into: examples, and the convolutions of the network. */
export function Sources() {
  const { what } = route.value;
  const isNow = (name: string): boolean => (example.value?.name ?? what) === name;
  const entries = [
    ...EXAMPLES.map(({ name }) => ({ name, text: texts.source.examples[name] ?? name })),
    ...layerNames.value.map((name) => ({ name, text: texts.source.layer(name) })),
  ];
  return (
    <nav class="sources" aria-label={texts.source.label}>
      <span>{texts.source.label}</span>
      <ul>
        {entries.map(({ name, text }) => (
          <li key={name}>
            <a
              class="button"
              href={addressOf('inside', name)}
              aria-current={isNow(name) ? 'true' : undefined}
            >
              {text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** What the sliders set, with the least and the most. */
const SLIDERS: readonly [keyof typeof texts.setting & keyof Setting, number, number][] = [
  ['KH', 1, 4],
  ['KW', 1, 4],
  ['stride', 1, 4],
  ['padding', 0, 3],
  ['dilation', 1, 3],
  ['groups', 1, 4],
  ['C', 1, 4],
  ['OC', 1, 4],
  ['N', 1, 3],
  ['H', 1, 10],
  ['W', 1, 10],
];

interface SizesProps {
  readonly convolution: Convolution;
}

/** The sizes, which an example lets one change: each change computes everything anew. */
export function Sizes({ convolution }: SizesProps) {
  return (
    <details class="panel sizes">
      <summary>{texts.setting.title}</summary>
      {example.value && <Sliders />}
      <OutputSizes convolution={convolution} />
      <Prose text={texts.setting.words} />
    </details>
  );
}

function Sliders() {
  return (
    <>
      <div class="slider-grid">
        {SLIDERS.map(([name, least, most]) => (
          <label key={name}>
            <span>
              {texts.setting[name]} <b>{setting.value[name]}</b>
            </span>
            <input
              type="range"
              name={name}
              min={least}
              max={most}
              value={setting.value[name]}
              onInput={(event) => change({ [name]: event.currentTarget.valueAsNumber })}
            />
          </label>
        ))}
      </div>
      <div class="row">
        <button type="button" onClick={redraw}>
          {texts.setting.draw}
        </button>
        <button type="button" onClick={reset}>
          {texts.setting.reset}
        </button>
      </div>
    </>
  );
}

/** Says that the sliders ask for what is no convolution, also when they have been closed. */
export function Misfit() {
  if (misfit.value === null) return null;
  return (
    <p class="bad" role="alert">
      {texts.misfit}
    </p>
  );
}

/** How the output's size comes about. */
function OutputSizes({ convolution }: SizesProps) {
  const { H, W, KH, KW, OH, OW, padding, stride, dilation } = convolution.geometry;
  return (
    <p class="output-sizes">
      <span>{texts.size('OH', H, padding, dilation, KH, stride, OH)}</span>
      <span>{texts.size('OW', W, padding, dilation, KW, stride, OW)}</span>
    </p>
  );
}

/** How many rows and columns the stride leaves at the end; nothing where it leaves none. */
export function Rest({ convolution }: SizesProps) {
  const { PH, PW, KH, KW, stride, dilation } = convolution.geometry;
  const rows = (PH - reachOf(KH, dilation)) % stride;
  const columns = (PW - reachOf(KW, dilation)) % stride;
  if (rows === 0 && columns === 0) return null;
  return <p class="caption">{texts.shapes.rest(rows, columns)}</p>;
}

/** What there is to say of a layer of the network, and to ask. */
export function LayerNotice() {
  const layer = layerAtHand.value;
  const run = runs.value[0];
  switch (layer.state) {
    case 'none':
      return null;
    case 'noNetwork':
      return (
        <p class="panel">
          {texts.layer.noNetwork} <a href={addressOf('train')}>{texts.layer.toTrain}</a>.
        </p>
      );
    case 'unknown':
      return <p class="panel">{texts.layer.unknown(route.value.what)}</p>;
    case 'loading':
      return <p class="panel">{texts.layer.loading}</p>;
    case 'failed':
      return (
        <p class="panel bad" role="alert">
          {texts.layer.failed(layer.reason)}
        </p>
      );
    case 'ready':
      return (
        <div class="panel layer-notice">
          <div>
            <Prose
              text={[
                texts.layer.about(layer.name, layer.step),
                // The least that a digit has is black: its edges are.
                layer.isFirst && texts.layer.normalised(brief(Math.min(...layer.view.x))),
                texts.layer.stand,
              ]
                .filter(Boolean)
                .join(' ')}
            />
            {run && <RunLine run={run} step={layer.step} />}
          </div>
          <div class="row">
            <label>
              {texts.layer.label}{' '}
              <select
                value={String(layer.label)}
                onChange={(event) => {
                  askedLabel.value = Number(event.currentTarget.value);
                }}
              >
                {Array.from({ length: 10 }, (_, label) => (
                  <option key={label} value={String(label)}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <button type="button" onClick={() => void readLayer()}>
              {texts.layer.again}
            </button>
          </div>
        </div>
      );
  }
}
