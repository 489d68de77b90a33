import { useSignal } from '@preact/signals';
import {
  cellDepths,
  grouped,
  percent,
  roughPercent,
  rowShares,
} from '@unfold/monitor/internal/browser';
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
  const depths = useMemo(() => cellDepths(counts), [counts]);
  const right = DIGITS.reduce((sum, digit) => sum + (counts[digit]?.[digit] ?? 0), 0);
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
                const count = counts[label]?.[predicted] ?? 0;
                return (
                  <td key={predicted} class={label === predicted ? 'right' : ''}>
                    <button
                      type="button"
                      {...roving.cell(cell)}
                      aria-label={texts.cell(label, predicted, count)}
                      aria-expanded={place === cell}
                      class={count === 0 ? 'zero' : ''}
                      style={{ '--share': depths[label]?.[predicted] ?? 0 }}
                      onClick={() => {
                        opened.value = place === cell ? null : cell;
                      }}
                    >
                      {count}
                    </button>
                  </td>
                );
              })}
              <td class="share">{recallOf(counts[label] ?? [], label)}</td>
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

/** The part of a label's digits that is taken for it. */
function recallOf(row: readonly number[], label: number): string {
  const share = rowShares(row)[label] ?? 0;
  return row.every((count) => count === 0) ? TRAIN_TEXTS.bar.none : roughPercent(share);
}
