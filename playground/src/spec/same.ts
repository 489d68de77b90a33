/** Whether two pieces of plain data say the same, whatever the order of their fields. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b);
  }
  const [fields, others] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    fields.size === others.size &&
    [...fields].every(([name, value]) => others.has(name) && isSame(value, others.get(name)))
  );
}
