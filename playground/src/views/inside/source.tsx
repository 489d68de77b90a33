import type { Convolution } from '../../spec/convolution/convolution.js';
import { RunLine } from '../../parts/run-line.js';
import { EXAMPLES } from '../../spec/convolution/examples.js';
import { reachOf, type Setting } from '../../spec/convolution/geometry.js';
import { addressOf } from '../../spec/route.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { askedLabel, layerAtHand, layerNames, readLayer } from './layer.js';
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

/** The sizes of an example: each change computes everything anew. */
export function Sliders() {
  return (
    <details class="panel sliders" open={matchMedia('(min-width: 48rem)').matches}>
      <summary>{texts.setting.title}</summary>
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
      {misfit.value !== null && (
        <p class="bad" role="alert">
          {texts.misfit}
        </p>
      )}
    </details>
  );
}

/** The shapes, and how the output's size comes about. */
export function Shapes({ convolution }: { readonly convolution: Convolution }) {
  const { N, C, H, W, OC, KH, KW, PH, PW, OH, OW, groups, groupC, k, p } = convolution.geometry;
  const { padding, stride, dilation } = convolution.geometry;
  const rest = [
    (PH - reachOf(KH, dilation)) % stride,
    (PW - reachOf(KW, dilation)) % stride,
  ] as const;
  const U = groups === 1 ? `[${k}, ${p}]` : texts.shapes.groups(groups, k, p);
  const shapes: readonly (readonly [string, string])[] = [
    ['x', `[${N}, ${C}, ${H}, ${W}]`],
    ['weight', `[${OC}, ${groupC}, ${KH}, ${KW}]`],
    ['U', U],
    ['out', `[${N}, ${OC}, ${OH}, ${OW}]`],
  ];
  return (
    <div class="shapes">
      <p>
        {shapes.map(([name, shape]) => (
          <span key={name}>
            <b>{name}</b> {shape}
          </span>
        ))}
      </p>
      <p>
        <span>{texts.size('OH', H, padding, dilation, KH, stride, OH)}</span>
        <span>{texts.size('OW', W, padding, dilation, KW, stride, OW)}</span>
      </p>
      {(rest[0] > 0 || rest[1] > 0) && <p>{texts.shapes.rest(...rest)}</p>}
    </div>
  );
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
          <p>
            {texts.layer.about(layer.name, layer.step)} {texts.layer.stand}
          </p>
          {run && <RunLine run={run} step={layer.step} />}
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
