import { useSignal } from '@preact/signals';
import { announce } from '../../state/announcement.js';
import { act, isWanted } from '../../state/controls.js';
import { digit } from '../../state/digit.js';
import { digitSets } from '../../state/digit-sets.js';
import { runs } from '../../state/runs.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { added, labelOfAdded, noteAdded } from '../../state/added-digits.js';
import { setLabel } from './follow.js';
import { placeIn } from './sampling.js';
import { trouble } from './state.js';
import { troubleOf } from './words.js';

const { wrong } = DRAW_TEXTS;
/** How many digits of the training set one of the user's may count as. */
const WEIGHTS = [1, 10, 50] as const;

/** Says which digit it is, and adds it to the training set. */
export function Wrong() {
  const weight = useSignal<number>(10);
  const isAdding = useSignal(false);
  const shown = digit.value;
  const run = runs.value[0];
  if (!shown || !run) return null;
  const { pixels, label } = shown;
  const sets = digitSets.value.state === 'ready' ? digitSets.value.sets : null;
  const place = sets && placeIn(sets.test, pixels);
  const already = labelOfAdded(pixels);
  const canAdd = label !== null && already === null && !isAdding.value;

  const add = async (): Promise<void> => {
    if (label === null || !canAdd) return;
    isAdding.value = true;
    try {
      await run.lab.addDigit(pixels, label, weight.value);
      noteAdded(pixels, label);
      announce(`${wrong.added(label)} ${wrong.count(added.value.size)}`);
    } catch (error) {
      trouble.value = troubleOf(error);
    } finally {
      isAdding.value = false;
    }
  };

  return (
    <section class="panel" aria-labelledby="draw-wrong">
      <h3 id="draw-wrong">{wrong.title}</h3>
      {place === null ? (
        <Form
          {...{ label, canAdd }}
          weight={weight.value}
          add={() => void add()}
          weigh={(count) => {
            weight.value = count;
          }}
        />
      ) : (
        <p class="soft draw-small">{wrong.isTest(place + 1)}</p>
      )}
      {already !== null && <p class="draw-small">{wrong.already(already)}</p>}
      {added.value.size > 0 && (
        <div class="row draw-small">
          {wrong.count(added.value.size)}
          {!isWanted(run) && (
            <button type="button" onClick={() => void act('toggle', [run])}>
              {wrong.goOn}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

interface FormProps {
  readonly label: number | null;
  readonly canAdd: boolean;
  readonly weight: number;
  readonly add: () => void;
  readonly weigh: (count: number) => void;
}

function Form({ label, canAdd, weight, add, weigh }: FormProps) {
  return (
    <>
      <p class="soft draw-small">{wrong.how}</p>
      <fieldset class="draw-digits">
        <legend>{wrong.which}</legend>
        {DIGITS.map((choice) => (
          <label key={choice}>
            <input
              type="radio"
              name="draw-label"
              checked={label === choice}
              onChange={() => setLabel(choice)}
            />
            {choice}
          </label>
        ))}
      </fieldset>
      <div class="row">
        <button type="button" aria-disabled={!canAdd} onClick={add}>
          {label === null ? wrong.addAny : wrong.add(label)}
        </button>
        <label>
          {wrong.weight}{' '}
          <select
            value={weight}
            onChange={(event) => {
              weigh(Number(event.currentTarget.value));
            }}
          >
            {WEIGHTS.map((count) => (
              <option key={count} value={count}>
                {wrong.digits(count)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </>
  );
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);
