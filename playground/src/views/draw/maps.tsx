import {
  type ReadonlySignal,
  type Signal,
  signal,
  useComputed,
  useSignal,
  useSignalEffect,
} from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { LayerOutput } from '../../lab/protocol.js';
import { Picture } from '../../parts/picture.js';
import { columnsOf, useRoving } from '../../parts/roving.js';
import type { NetworkSpec } from '../../spec/layers.js';
import { namesOf } from '../../spec/network.js';
import { addressOf } from '../../spec/route.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { Legend } from './legend.js';
import { MapDialog } from './map-dialog.js';
import { type Channels, channelsOf } from './channels.js';
import { areMapsSeen, mapped } from './state.js';
import { windowWith } from './windowing.js';
import { numeral } from './words.js';

const { maps } = DRAW_TEXTS;
/** Maps that are shown of a layer at once. */
const SHOWN = 12;

/** A map that is looked at closely. */
export interface Chosen {
  readonly layer: number;
  readonly channel: number;
}

/** The feature maps of all layers for the digit at hand; they are asked for while they are in sight. */
export function Maps() {
  const section = useRef<HTMLElement>(null);
  const chosen = useSignal<Chosen | null>(null);
  useEffect(() => {
    const element = section.current;
    if (!element) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        areMapsSeen.value = entry?.isIntersecting ?? false;
      },
      { rootMargin: '200px' },
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      areMapsSeen.value = false;
    };
  }, []);

  const areThere = useComputed(() => mapped.value !== null).value;
  const { network, outputs } = useOutputs();
  const names = useMemo(() => namesOf(network), [network]);
  const nameOf = (layer: number): string => names[layer] ?? String(layer + 1);
  // Made once for a network: a new digit changes what is in them alone, and to clear it hides them.
  const layers = useMemo(
    () =>
      outputs.map((output) => {
        const { layer } = output.peek();
        return (
          <LayerMaps
            key={layer}
            output={output}
            name={nameOf(layer)}
            isConvolution={network[layer]?.kind === 'conv'}
            enlarge={(channel) => {
              chosen.value = { layer, channel };
            }}
          />
        );
      }),
    [outputs],
  );
  return (
    <section class="panel draw-maps" ref={section} aria-labelledby="draw-maps">
      <h3 id="draw-maps">{maps.title}</h3>
      <p class="soft draw-small">{areThere ? maps.how : maps.none}</p>
      <div hidden={!areThere}>{layers}</div>
      <EnlargedMap chosen={chosen} nameOf={nameOf} />
    </section>
  );
}

interface Outputs {
  readonly network: NetworkSpec;
  readonly outputs: readonly ReadonlySignal<LayerOutput>[];
}

/**
 * What the layers gave for the newest digit, each taken up in a task of its own: painting all of them at once
 * would keep who draws waiting. Answers that come faster than they are painted go on with the layer whose turn it is.
 */
function useOutputs(): Outputs {
  const of = useSignal<{ network: NetworkSpec; outputs: readonly Signal<LayerOutput>[] }>(NONE);
  const turn = useRef(0);
  useSignalEffect(() => {
    if (mapped.value === null) return undefined;
    const {
      network,
      look: { layers },
    } = mapped.value;
    const { outputs } = of.peek();
    if (of.peek().network !== network || outputs.length !== layers.length) {
      of.value = { network, outputs: layers.map((layer) => signal(layer)) };
      return undefined;
    }
    let left = layers.length;
    let timer: ReturnType<typeof setTimeout>;
    const next = (): void => {
      if (left-- === 0) return;
      const at = turn.current++ % layers.length;
      const [output, layer] = [outputs[at], layers[at]];
      if (output && layer) output.value = layer;
      timer = setTimeout(next);
    };
    timer = setTimeout(next);
    return () => clearTimeout(timer);
  });
  return of.value;
}

const NONE = { network: [], outputs: [] };

interface EnlargedMapProps {
  readonly chosen: Signal<Chosen | null>;
  readonly nameOf: (layer: number) => string;
}

function EnlargedMap({ chosen, nameOf }: EnlargedMapProps) {
  if (!chosen.value) return null;
  const { layer, channel } = chosen.value;
  const output = mapped.value?.look.layers.find((one) => one.layer === layer);
  if (!output) return null;
  const channels = channelsOf(output);
  return (
    <MapDialog
      title={nameOfMap(nameOf(layer), channels, channel)}
      channels={channels}
      channel={channel}
      show={(next) => {
        chosen.value = next === null ? null : { layer, channel: next };
      }}
    />
  );
}

interface LayerMapsProps {
  readonly output: ReadonlySignal<LayerOutput>;
  readonly name: string;
  readonly isConvolution: boolean;
  readonly enlarge: (channel: number) => void;
}

function LayerMaps({ output, name, isConvolution, enlarge }: LayerMapsProps) {
  const channels = channelsOf(output.value);
  const { width, height, low, high, colours } = channels;
  const at = useSignal(0);
  const { first, end } = windowWith(at.value, channels.count, SHOWN);
  const roving = useRoving(end - first, columnsOf);
  return (
    <section class="draw-layer">
      <div class="row">
        <h4>
          {name} <span class="soft">{output.value.shape.join(' × ')}</span>
        </h4>
        {isConvolution && (
          <a href={addressOf('inside', name)} aria-label={maps.insideOf(name)}>
            {maps.inside}
          </a>
        )}
        {channels.count > SHOWN && (
          <Pager
            name={name}
            {...{ first, end, count: channels.count }}
            show={(next) => {
              at.value = next;
            }}
          />
        )}
      </div>
      <div
        class={channels.isFlat ? 'draw-grid draw-flat' : 'draw-grid'}
        role="group"
        aria-label={name}
        onKeyDown={roving.onKeyDown}
      >
        {Array.from({ length: end - first }, (_, i) => (
          <button
            key={i}
            type="button"
            aria-label={nameOfMap(name, channels, first + i)}
            onClick={() => enlarge(first + i)}
            {...roving.cell(i)}
          >
            <Picture
              values={channels.valuesOf(first + i)}
              {...{ width, height, colours, low, high }}
              label=""
            />
            {!channels.isFlat && <span aria-hidden="true">{first + i}</span>}
          </button>
        ))}
      </div>
      <Legend {...{ colours }} low={numeral(low)} high={numeral(high)} />
    </section>
  );
}

/** Channels are counted from 0, as in the code that computes them. */
const nameOfMap = (layer: string, channels: Channels, channel: number): string =>
  channels.isFlat ? maps.strip(layer, channels.size) : maps.map(layer, channel);

interface PagerProps {
  readonly name: string;
  readonly first: number;
  readonly end: number;
  readonly count: number;
  readonly show: (channel: number) => void;
}

function Pager({ name, first, end, count, show }: PagerProps) {
  const step = (text: string, sign: string, to: number, isIdle: boolean) => (
    <button
      type="button"
      aria-label={`${text}, ${name}`}
      aria-disabled={isIdle}
      onClick={() => !isIdle && show(to)}
    >
      {sign}
    </button>
  );
  return (
    <div class="row draw-pager draw-small">
      {step(maps.before, '‹', first - SHOWN, first === 0)}
      <span>{maps.channels(first, end - 1, count)}</span>
      {step(maps.after, '›', end, end >= count)}
    </div>
  );
}
