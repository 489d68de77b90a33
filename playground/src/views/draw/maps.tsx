import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LayerOutput } from '../../lab/protocol.js';
import { Picture } from '../../parts/picture.js';
import { columnsOf, useRoving } from '../../parts/roving.js';
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

  const layers = mapped.value?.look.layers ?? [];
  const names = mapped.value ? namesOf(mapped.value.network) : [];
  const nameOf = ({ layer }: LayerOutput): string => names[layer] ?? String(layer + 1);
  const enlarged = chosen.value && layers.find(({ layer }) => layer === chosen.value?.layer);
  return (
    <section class="panel draw-maps" ref={section} aria-labelledby="draw-maps">
      <h3 id="draw-maps">{maps.title}</h3>
      <p class="soft draw-small">{layers.length > 0 ? maps.how : maps.none}</p>
      {layers.map((output) => (
        <LayerMaps
          key={output.layer}
          output={output}
          name={nameOf(output)}
          isConvolution={mapped.value?.network[output.layer]?.kind === 'conv'}
          enlarge={(channel) => {
            chosen.value = { layer: output.layer, channel };
          }}
        />
      ))}
      {chosen.value && enlarged && (
        <MapDialog
          title={nameOfMap(nameOf(enlarged), channelsOf(enlarged), chosen.value.channel)}
          channels={channelsOf(enlarged)}
          channel={chosen.value.channel}
          show={(channel) => {
            chosen.value = channel === null ? null : { layer: enlarged.layer, channel };
          }}
        />
      )}
    </section>
  );
}

interface LayerMapsProps {
  readonly output: LayerOutput;
  readonly name: string;
  readonly isConvolution: boolean;
  readonly enlarge: (channel: number) => void;
}

function LayerMaps({ output, name, isConvolution, enlarge }: LayerMapsProps) {
  const channels = channelsOf(output);
  const { width, height, low, high, colours } = channels;
  const at = useSignal(0);
  const { first, end } = windowWith(at.value, channels.count, SHOWN);
  const roving = useRoving(end - first, columnsOf);
  return (
    <section class="draw-layer">
      <div class="row">
        <h4>
          {name} <span class="soft">{output.shape.join(' × ')}</span>
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
