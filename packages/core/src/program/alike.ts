import type { Recording, Slot, Step } from './recording.js';

/**
 * Whether two recordings make the same program: the same calls with the same options, on memory that
 * is used in the same way, and the same constants.
 * @returns Null; or the operation at which they part, for people.
 */
export function difference(a: Recording, b: Recording): string | null {
  if (a.steps.length !== b.steps.length) return 'they are of different lengths';
  const pairs = new Pairs();
  for (const [i, step] of a.steps.entries()) {
    const other = b.steps[i];
    if (!isAlike(step, other, pairs)) return `they part at ${nameOf(step)}`;
  }
  const results = a.results.every(({ slot }, i) => pairs.match(slot, b.results[i]?.slot));
  return results && a.results.length === b.results.length ? null : 'they have other results';
}

/** Whether the decisions of two recordings came out alike; if not, they are of different programs. */
export function decidesAlike(a: Recording, b: Recording): boolean {
  return isSame(a.outcomes, b.outcomes);
}

function nameOf(step: Step): string {
  if (step.kind === 'action') return 'what JavaScript does';
  return step.kind === 'host' ? step.name : step.operation;
}

function isAlike(a: Step, b: Step, pairs: Pairs): boolean {
  if (a.kind === 'action' || b.kind === 'action') return a.kind === b.kind;
  if (a.operands.length !== b.operands.length) return false;
  for (const [i, operand] of a.operands.entries()) {
    const other = b.operands[i];
    if (!operand || !other) {
      if (operand || other) return false;
    } else if (!pairs.match(operand.slot, other.slot)) return false;
  }
  if (a.kind === 'host' || b.kind === 'host') return a.kind === b.kind && nameOf(a) === nameOf(b);
  if (a.kernel !== b.kernel || a.kernels !== b.kernels) return false;
  const places = a.operands.every((operand, i) => {
    const other = b.operands[i];
    return operand?.offset === other?.offset && operand?.length === other?.length;
  });
  // Options that are given anew for each run may be others each time.
  return places && (a.renew !== null ? b.renew !== null : isSame(a.options, b.options));
}

/** Which slot of one recording is which of the other. */
class Pairs {
  readonly #pairs = new Map<Slot, Slot>();
  readonly #taken = new Set<Slot>();

  match(a: Slot, b: Slot | undefined): boolean {
    const known = this.#pairs.get(a);
    if (known || !b) return known !== undefined && known === b;
    if (this.#taken.has(b)) return false;
    const isOne =
      a.kind === b.kind &&
      a.bytes === b.bytes &&
      a.input === b.input &&
      a.isGradient === b.isGradient &&
      (a.kind !== 'outside' || a.isOwn || a.storage === b.storage) &&
      isSame(a.initial, b.initial);
    if (!isOne) return false;
    this.#pairs.set(a, b);
    this.#taken.add(b);
    return true;
  }
}

/** Whether plain data is the same: numbers, lists and objects of them. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => isSame(Reflect.get(a, key), Reflect.get(b, key)))
  );
}
