import type { ReadonlySignal } from '@preact/signals';
import { TRAIN_TEXTS } from '../../texts/train.js';

const { curves: texts, bar } = TRAIN_TEXTS;

/** A run's lines, in the order of a chart's columns. */
export const PARTS = ['batch', 'mean', 'validation'] as const;

/** A run's look: by colour, by its dashes and by what fills its dots. */
export interface RunLook {
  /** A colour of the page's style. */
  readonly colour: string;
  readonly dash: readonly number[];
  /** What the dots are filled with. */
  readonly fill: string;
}

const FIRST: RunLook = { colour: '--accent', dash: [], fill: '--accent' };
const SECOND: RunLook = { colour: '--second', dash: [8, 5], fill: '--back' };

export const lookOf = (run: string): RunLook => (run === 'B' ? SECOND : FIRST);

export interface CurveLegendProps {
  /** The runs' names. */
  readonly names: readonly string[];
  /** The value of each line at the pointer, or the last one; null for none. */
  readonly values: ReadonlySignal<readonly (number | null)[]>;
  readonly textOf: (value: number) => string;
}

/** What each line is, and its value at the pointer, or the last one. */
export function CurveLegend({ names, values, textOf }: CurveLegendProps) {
  return (
    <div class="curve-legend">
      {names.map((name, run) => (
        <dl key={name}>
          {PARTS.map((part, i) => {
            const value = values.value[PARTS.length * run + i] ?? null;
            return (
              <div key={part}>
                <dt>
                  <Sample look={lookOf(name)} part={part} />{' '}
                  {texts[part](names.length === 1 ? '' : texts.of(name))}
                </dt>
                <dd>{value === null ? bar.none : textOf(value)}</dd>
              </div>
            );
          })}
        </dl>
      ))}
    </div>
  );
}

function Sample({ look, part }: { look: RunLook; part: (typeof PARTS)[number] }) {
  const stroke = `var(${look.colour})`;
  return (
    <svg viewBox="0 0 30 12" width="30" height="12" aria-hidden="true">
      {part === 'validation' ? (
        <circle
          cx="15"
          cy="6"
          r="4"
          stroke={stroke}
          fill={`var(${look.fill})`}
          stroke-width="1.5"
        />
      ) : (
        <path
          d="M0 6H30"
          stroke={stroke}
          stroke-width={part === 'mean' ? 3 : 1}
          stroke-dasharray={part === 'mean' ? look.dash.join(' ') : ''}
          opacity={part === 'mean' ? 1 : 0.6}
        />
      )}
    </svg>
  );
}
