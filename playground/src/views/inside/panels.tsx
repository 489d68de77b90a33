import type { ComponentChildren } from 'preact';
import type { Convolution } from '../../spec/convolution/convolution.js';
import { groupOf } from '../../spec/convolution/geometry.js';
import { Picture } from '../../parts/picture.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { KernelGrid, OutputGrid, PixelGrid } from './grids.js';
import { PLANE_WINDOW } from './room.js';
import { Sighted, useSight } from './sight.js';
import { shapesOf } from './shapes.js';
import { convolution, look } from './state.js';
import { Question, type QuestionName, Words } from './words.js';

const texts = INSIDE_TEXTS;

interface PanelProps {
  readonly name: keyof typeof texts.panels;
  /** Whether it takes the width that is left in its row. */
  readonly isWide?: boolean;
  /** The questions that arise here. */
  readonly questions?: readonly QuestionName[];
  readonly children: ComponentChildren;
}

/** A picture, its title and shape, and the words beside it. */
export function Panel({ name, isWide = false, questions = [], children }: PanelProps) {
  const { title, words, formula, numbers } = texts.panels[name];
  const given = convolution.value;
  const shape = given && shapesOf(given.geometry)[name];
  return (
    <Sighted class={`panel picture-panel ${isWide ? 'wide' : ''}`} id={`panel-${name}`}>
      <h4>
        {title} <span class="shape">{shape}</span>
      </h4>
      {children}
      <Words words={words} formula={formula} numbers={numbers} />
      {questions.map((question) => (
        <Question key={question} name={question} />
      ))}
    </Sighted>
  );
}

/** So many channels stand beside each other; of more, one is shown. */
const BESIDE = 3;

interface PlanesProps {
  readonly convolution: Convolution;
}

/** Channels `from` … `from + count − 1`: all of few, or the one that is looked at and a field to choose it. */
function Planes({
  count,
  from,
  chosen,
  label,
  onChoose,
  children,
}: {
  readonly count: number;
  readonly from: number;
  readonly chosen: number;
  readonly label: string;
  readonly onChoose: (channel: number) => void;
  readonly children: (channel: number) => ComponentChildren;
}) {
  if (count <= BESIDE) {
    return (
      <div class="planes">
        {Array.from({ length: count }, (_, i) => (
          <div key={from + i}>{children(from + i)}</div>
        ))}
      </div>
    );
  }
  return (
    <div class="planes">
      <div>
        <label class="picker">
          {label}{' '}
          <input
            type="number"
            min={from}
            max={from + count - 1}
            value={chosen}
            onChange={(event) => {
              const channel = event.currentTarget.valueAsNumber;
              if (Number.isInteger(channel) && channel >= from && channel < from + count) {
                onChoose(channel);
              }
            }}
          />{' '}
          <span class="soft">
            {from}–{from + count - 1}
          </span>
        </label>
        {children(chosen)}
      </div>
    </div>
  );
}

/** The channels of x or dX. */
export function PixelPlanes({ convolution, array }: PlanesProps & { readonly array: 'x' | 'dX' }) {
  const { C, H, W } = convolution.geometry;
  const { image: n, c: chosen } = useSight(convolution);
  const isLarge = H > PLANE_WINDOW.maxRows || W > PLANE_WINDOW.maxColumns;
  return (
    <Planes
      count={C}
      from={0}
      chosen={chosen}
      label={texts.pickers.channel}
      onChoose={(c) => look({ c })}
    >
      {(c) => (
        <>
          {isLarge && array === 'x' && (
            <Picture
              class="overview"
              values={planeOf(convolution, n, c)}
              width={W}
              height={H}
              colours={C === 1 ? 'grey' : 'signed'}
              label={`${array}[${n}, ${c}]`}
            />
          )}
          <PixelGrid convolution={convolution} array={array} c={c} label={`${array}[${n}, ${c}]`} />
        </>
      )}
    </Planes>
  );
}

function planeOf({ geometry, x }: Convolution, n: number, c: number): number[] {
  const { C, H, W } = geometry;
  const first = (n * C + c) * H * W;
  return Array.from({ length: H * W }, (_, i) => x[first + i] ?? 0);
}

/** The channels of the output or its gradient. */
export function OutputPlanes({
  convolution,
  array,
}: PlanesProps & { readonly array: 'out' | 'dOut' }) {
  const { image: n, o: chosen } = useSight(convolution);
  return (
    <Planes
      count={convolution.geometry.OC}
      from={0}
      chosen={chosen}
      label={texts.pickers.output}
      onChoose={(o) => look({ o })}
    >
      {(o) => (
        <OutputGrid convolution={convolution} array={array} o={o} label={`${array}[${n}, ${o}]`} />
      )}
    </Planes>
  );
}

/** The kernel of the output channel that is looked at, for each input channel of its group. */
export function KernelPlanes({ convolution }: PlanesProps) {
  const { geometry } = convolution;
  const { o, c } = useSight(convolution);
  const first = groupOf(geometry, o) * geometry.groupC;
  return (
    <Planes
      count={geometry.groupC}
      from={first}
      chosen={c}
      label={texts.pickers.channel}
      onChoose={(channel) => look({ c: channel })}
    >
      {(channel) => (
        <KernelGrid
          convolution={convolution}
          o={o}
          c={channel}
          label={`weight[${o}, ${channel - first}]`}
        />
      )}
    </Planes>
  );
}
