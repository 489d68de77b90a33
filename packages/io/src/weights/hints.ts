import { sizeOf, type Shape } from '@unfold/core';

/** Layouts that weights come in. `order` says which axis of the file belongs where. */
const LAYOUTS: readonly { readonly order: readonly number[]; readonly looks: string }[] = [
  { order: [1, 0], looks: 'its transpose; Linear.weight is [out, in]' },
  {
    order: [3, 2, 0, 1],
    looks: "TensorFlow's [kh, kw, in, out]; Conv2d.weight is [out, in, kh, kw]",
  },
  { order: [0, 3, 1, 2], looks: 'NHWC, [out, kh, kw, in]; Conv2d.weight is [out, in, kh, kw]' },
  { order: [1, 0, 2, 3], looks: 'a weight with its channels the other way round' },
];

/** Guesses what is wrong with a tensor of another shape, and says what mends it. */
export function shapeHint(expected: Shape, got: Shape): string {
  const layout = LAYOUTS.find(
    ({ order }) =>
      order.length === expected.length &&
      order.length === got.length &&
      order.every((from, axis) => expected[axis] === got[from]),
  );
  if (layout) {
    return (
      `it looks like ${layout.looks}: save it after permute(${layout.order.join(', ')}), in NumPy ` +
      'transpose'
    );
  }
  if (sizeOf(expected) === sizeOf(got)) {
    return 'it has as many elements: if only axes of 1 differ, save it after a reshape';
  }
  return 'build the model with the sizes of the one that was saved';
}

/** Guesses what is wrong where names do not match, and says what mends it. */
export function namesHint(missing: readonly string[], unexpected: readonly string[]): string {
  const [first = ''] = unexpected;
  // DataParallel, torch.compile and wrappers put one word before every name.
  const prefixes = missing.flatMap((name) =>
    first.endsWith(`.${name}`) ? [first.slice(0, first.length - name.length)] : [],
  );
  const all = new Set(unexpected);
  const prefix = prefixes.find((prefix) => missing.every((name) => all.has(prefix + name)));
  return prefix === undefined
    ? 'save it from a model of the same layers, or pass { strict: false } to load what fits'
    : `its names begin with '${prefix}': save it without that prefix`;
}
