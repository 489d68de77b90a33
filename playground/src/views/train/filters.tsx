import { useSignal, useSignalEffect } from '@preact/signals';
import { figure, reachOf } from '@unfold/monitor/internal/browser';
import { useEffect, useRef } from 'preact/hooks';
import type { ParameterView } from '../../lab/protocol.js';
import { Picture, Ramp } from '../../parts/picture.js';
import { SelectField } from '../../parts/select-field.js';
import { useVisible } from '../../parts/use-visible.js';
import { addressOf } from '../../spec/route.js';
import { inspectNetwork } from '../../spec/network.js';
import { type Run, runs } from '../../state/runs.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { MOST_PICTURES, picturesOf, seenLayers } from './filter-pictures.js';

const { filters: texts } = TRAIN_TEXTS;

/** Milliseconds between two looks at the weights. */
const PACE = 500;

/** The weights of a layer as pictures, and their gradients, as they change. */
export function Filters({ run }: { run: Run }) {
  const { network } = run.experiment.value;
  const { layers } = inspectNetwork(network);
  const choices = seenLayers(network, layers);
  const chosen = useSignal('');
  const [first] = choices;
  const shown = choices.find(({ name }) => name === chosen.value) ?? first;
  return (
    <section class="panel filters" aria-labelledby="filters-title">
      <div class="panel-head">
        <h3 id="filters-title">{texts.title}</h3>
        {choices.length > 1 && shown && (
          <SelectField
            label={texts.layer}
            value={shown.name}
            choices={choices.map(({ name }) => [name, name] as const)}
            onValue={(name) => {
              chosen.value = name;
            }}
          />
        )}
        {shown && network[shown.layer]?.kind === 'conv' && run === runs.value[0] && (
          <a href={addressOf('inside', shown.name)}>{texts.inside}</a>
        )}
      </div>
      {shown ? (
        <LiveFilters key={`${run.name} ${shown.name}`} run={run} layer={shown.layer} />
      ) : (
        <p class="soft">{texts.none}</p>
      )}
    </section>
  );
}

function LiveFilters({ run, layer }: { run: Run; layer: number }) {
  const element = useRef<HTMLDivElement>(null);
  const isVisible = useVisible(element);
  const weight = useWeight(run, layer, () => isVisible.value);
  const { value } = weight;
  return (
    <div ref={element} class="filter-sheets">
      {value === null ? (
        <p class="soft">{texts.empty}</p>
      ) : (
        <>
          <Sheet title={texts.weights} of={value} values={value.values} />
          {value.gradient ? (
            <Sheet title={texts.gradients} of={value} values={value.gradient} />
          ) : (
            <p class="soft">{texts.noGradient}</p>
          )}
          <p class="soft">{describe(value)}</p>
        </>
      )}
    </div>
  );
}

/** A layer's weight, asked for anew while it changes and is looked at. */
function useWeight(run: Run, layer: number, isWanted: () => boolean) {
  const weight = useSignal<ParameterView | null>(null);
  /** The step of the weight that is shown. */
  const shown = useRef<unknown>(undefined);
  const isAsking = useRef(false);
  const look = async (): Promise<void> => {
    const state = run.state.peek();
    const now = run.progress.peek();
    const isThere = state === 'paused' || state === 'running';
    const stand = now?.step ?? run.experiment.peek();
    if (!isThere || isAsking.current || shown.current === stand) return;
    isAsking.current = true;
    try {
      const parameters = await run.lab.parameters([layer]);
      weight.value = parameters.find(({ name }) => name.endsWith('.weight')) ?? null;
      shown.current = stand;
    } catch {
      // The run's own fault is shown in the bar.
    } finally {
      isAsking.current = false;
    }
  };
  useSignalEffect(() => {
    // Another network, or the end of a run of steps, is shown at once.
    if (run.state.value === 'preparing') shown.current = undefined;
    if (isWanted()) void look();
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (isWanted()) void look();
    }, PACE);
    return () => clearInterval(timer);
  }, []);
  return weight;
}

interface SheetProps {
  readonly title: string;
  readonly of: ParameterView;
  readonly values: Float32Array;
}

function Sheet({ title, of, values }: SheetProps) {
  const { outputs, inputs, height, width } = picturesOf(of);
  const reach = reachOf(values);
  const text = figure(reach, 2);
  const size = height * width;
  const count = Math.min(MOST_PICTURES, outputs * inputs);
  const label = texts.described(title, text);
  return (
    <figure class="filter-sheet">
      <figcaption>
        {title} <Legend reach={text} />
      </figcaption>
      <div
        class="filter-grid"
        role="img"
        aria-label={label}
        style={{ '--columns': inputs === 1 ? 8 : Math.min(inputs, 16), '--cells': width }}
      >
        {Array.from({ length: count }, (_, i) => (
          <Picture
            key={i}
            values={values.subarray(i * size, (i + 1) * size)}
            {...{ width, height, colours: 'signed', low: -reach, high: reach, label: '' }}
          />
        ))}
      </div>
    </figure>
  );
}

/** What the colours say, with the numbers at their ends. */
function Legend({ reach }: { reach: string }) {
  return (
    <span class="legend" title={texts.legend}>
      <span class="number">−{reach}</span>
      <Ramp colours="signed" label={texts.legend} />
      <span class="number">{reach}</span>
    </span>
  );
}

function describe(weight: ParameterView): string {
  const { outputs, inputs, height, width } = picturesOf(weight);
  const size = `${height}×${width}`;
  const all = outputs * inputs;
  const what = inputs === 1 ? texts.single(outputs, size) : texts.pairs(outputs, inputs, size);
  return all > MOST_PICTURES ? `${what}. ${texts.part(MOST_PICTURES, all)}` : `${what}.`;
}
