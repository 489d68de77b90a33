import { useId, useState } from 'preact/hooks';
import { TRAIN_TEXTS } from '../texts/train.js';

export interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** What an arrow key adds. */
  readonly step: number;
  readonly isWhole: boolean;
  /** Gets numbers that are right only. */
  readonly onValue: (value: number) => void;
}

/**
 * A field for a number. What is no number, or out of its range, is said below it and changes nothing; the
 * field shows the true value again when it is left.
 */
export function NumberField(props: NumberFieldProps) {
  const { label, value, least, most, step, isWhole, onValue } = props;
  const id = useId();
  /** What was typed, while it isn't the value. */
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null;
  const expected = TRAIN_TEXTS.expected[isWhole ? 'whole' : 'number'];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode={isWhole ? 'numeric' : 'decimal'}
        min={least}
        max={most}
        step={isWhole ? step : 'any'}
        value={typed ?? String(value)}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-fault` : undefined}
        onKeyDown={(event) => {
          // The arrow keys of a field that takes any number would add 1.
          if (isWhole || !['ArrowUp', 'ArrowDown'].includes(event.key) || event.altKey) return;
          event.preventDefault();
          const next = value + (event.key === 'ArrowUp' ? step : -step);
          setTyped(null);
          onValue(Number(Math.min(most, Math.max(least, next)).toPrecision(6)));
        }}
        onInput={(event) => {
          const { value: text, valueAsNumber: number } = event.currentTarget;
          if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) {
            setTyped(null);
            onValue(number);
          } else {
            setTyped(text);
          }
        }}
        onBlur={(event) => {
          event.currentTarget.value = String(value);
          setTyped(null);
        }}
      />
      {isWrong && (
        <p id={`${id}-fault`} class="field-fault bad" role="alert">
          {expected(String(least), String(most))}
        </p>
      )}
    </div>
  );
}
