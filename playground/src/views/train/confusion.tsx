import { useSignal } from '@preact/signals';
import { grouped, percent } from '@unfold/monitor/internal/browser';
import { useMemo } from 'preact/hooks';
import type { DigitSet, Validation } from '../../lab/protocol.js';
import { useRoving } from '../../parts/roving.js';
import { act } from '../../state/controls.js';
import { digitSets } from '../../state/digit-sets.js';
import type { Run } from '../../state/runs.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { CLASSES, confusionCounts, itemsOf } from './confusion-counts.js';
import { ConfusedDigits } from './confused-digits.js';

const { confusion: texts } = TRAIN_TEXTS;

/** What a run takes the test digits for, after each epoch and when asked. */
export function Confusion({ run }: { run: Run }) {
  const validation = run.validation.value;
  const digits = digitSets.value;
  return (
    <section class="panel confusion" aria-labelledby="confusion-title">
      <div class="panel-head">
        <h3 id="confusion-title">{texts.title}</h3>
        <button type="button" onClick={() => void act('validate', [run])}>
          {texts.validate}
        </button>
      </div>
      {validation && digits.state === 'ready' ? (
        <Matrix validation={validation} test={digits.sets.test} />
      ) : (
        <p class="soft">{texts.empty}</p>
      )}
    </section>
  );
}

interface MatrixProps {
  readonly validation: Validation;
  readonly test: DigitSet;
}

const DIGITS = Array.from({ length: CLASSES }, (_, digit) => digit);

function Matrix({ validation, test }: MatrixProps) {
  const { labels } = test;
  const { predictions, step, accuracy } = validation;
  const counts = useMemo(() => confusionCounts(labels, predictions), [labels, predictions]);
  const opened = useSignal<number | null>(null);
  const roving = useRoving(CLASSES * CLASSES, () => CLASSES);
  const most = wrongMost(counts);
  const right = DIGITS.reduce((sum, digit) => sum + (counts[11 * digit] ?? 0), 0);
  const place = opened.value;
  return (
    <>
      <table class="matrix" role="grid" onKeyDown={roving.onKeyDown}>
        <caption>
          {texts.caption(
            grouped(step),
            grouped(right),
            grouped(predictions.length),
            percent(accuracy),
          )}
        </caption>
        <thead>
          <tr>
            <th rowSpan={2} scope="col" class="corner">
              {texts.rows}
            </th>
            <th colSpan={CLASSES} scope="colgroup" class="over">
              {texts.columns}
            </th>
            <th rowSpan={2} scope="col" class="share">
              {texts.rightShare}
            </th>
          </tr>
          <tr>
            {DIGITS.map((digit) => (
              <th key={digit} scope="col">
                {digit}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {DIGITS.map((label) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {DIGITS.map((predicted) => {
                const cell = CLASSES * label + predicted;
                const count = counts[cell] ?? 0;
                return (
                  <td key={predicted} class={label === predicted ? 'right' : ''}>
                    <button
                      type="button"
                      {...roving.cell(cell)}
                      aria-label={texts.cell(label, predicted, count)}
                      aria-expanded={place === cell}
                      class={count === 0 ? 'zero' : ''}
                      style={{ '--share': shareOf(label, predicted, count, most) }}
                      onClick={() => {
                        opened.value = place === cell ? null : cell;
                      }}
                    >
                      {count}
                    </button>
                  </td>
                );
              })}
              <td class="share">{recallOf(counts, label)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {place === null ? (
        <p class="soft">{texts.hint}</p>
      ) : (
        <ConfusedDigits
          key={place}
          label={Math.floor(place / CLASSES)}
          predicted={place % CLASSES}
          items={itemsOf(labels, predictions, {
            label: Math.floor(place / CLASSES),
            predicted: place % CLASSES,
          })}
          set={test}
          onClose={() => {
            opened.value = null;
          }}
        />
      )}
    </>
  );
}

/** The largest count beside the diagonal, which sets the scale of the errors' colour. */
const wrongMost = (counts: Uint32Array): number =>
  counts.reduce((most, count, cell) => (cell % 11 === 0 ? most : Math.max(most, count)), 1);

function shareOf(label: number, predicted: number, count: number, most: number): number {
  return label === predicted ? Math.min(1, count / 200) : Math.sqrt(count / most);
}

function recallOf(counts: Uint32Array, label: number): string {
  const row = counts.subarray(CLASSES * label, CLASSES * (label + 1));
  const all = row.reduce((sum, count) => sum + count, 0);
  return all === 0 ? TRAIN_TEXTS.bar.none : `${((100 * (row[label] ?? 0)) / all).toFixed(0)} %`;
}
