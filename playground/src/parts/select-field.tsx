export interface SelectFieldProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  /** In their order, with what is shown of each. */
  readonly choices: readonly (readonly [Value, string])[];
  readonly onValue: (value: Value) => void;
}

/** A choice of one from a list. */
export function SelectField<Value extends string>({
  label,
  value,
  choices,
  onValue,
}: SelectFieldProps<Value>) {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        onChange={(event) => {
          const chosen = choices[event.currentTarget.selectedIndex];
          if (chosen) onValue(chosen[0]);
        }}
      >
        {choices.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
