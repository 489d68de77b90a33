export interface SelectFieldProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  /** In their order, with what is shown of each. */
  readonly choices: readonly (readonly [Value, string])[];
  readonly onValue: (value: Value) => void;
  readonly class?: string;
}

/** A choice of one from a list. */
export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, value, choices, onValue } = props;
  return (
    <label class={`field ${props.class ?? ''}`}>
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
