import { writesOf } from '../kernels/table/layout.js';
import { rowOf } from '../kernels/table/rows.js';
import type { HostStep, Slot, Step } from './recording.js';

/**
 * What a decision that came out otherwise throws: the program is another one's, and the run ends before
 * it has changed anything.
 */
export const DECIDED_OTHERWISE = new Error('program: a decision came out otherwise');

/**
 * Puts decisions by numbers that a run computes before everything that the run changes, with what these
 * numbers follow from: a run that is to end at one of them must leave all as it was. The steps that stay
 * behind have nothing to do with those that move, so every number is the same.
 * @param refuse Is told why that can't be done, where a decision follows from a change.
 */
export function decideFirst(steps: readonly Step[], refuse: (reason: string) => void): Step[] {
  let ordered = [...steps];
  for (const decision of steps) {
    if (decision.kind !== 'host' || !decision.isDecision) continue;
    const first = ordered.findIndex(isChange);
    const at = ordered.indexOf(decision);
    if (first < 0 || at < first) continue;
    const moved = causesOf(ordered, at);
    if ([...moved].some(isChange)) {
      const [operand] = decision.operands;
      refuse(
        `${decision.name} decides what to do by the result of ${operand.slot.origin}, which follows from ` +
          'what the function changes or draws',
      );
      return ordered;
    }
    const behind = ordered.slice(first);
    ordered = [
      ...ordered.slice(0, first),
      ...behind.filter((step) => moved.has(step)),
      ...behind.filter((step) => !moved.has(step)),
    ];
  }
  return ordered;
}

/** Whether something is another afterwards, for the function's caller, than it was before. */
function isChange(step: Step): boolean {
  if (step.kind === 'action') return true;
  if (step.kind === 'host' && isDraw(step)) return true;
  return touched(step).some(({ slot, isWritten }) => {
    return isWritten && (slot.kind === 'outside' || slot.kind === 'input');
  });
}

/** Whether it fills memory of nothing: with numbers that it draws. */
function isDraw({ operands }: HostStep): boolean {
  return operands.every(({ access }) => access !== 'read');
}

/** The step at a place, and those before it that have to be done for it. */
function causesOf(steps: readonly Step[], at: number): Set<Step> {
  const causes = new Set([steps[at]]);
  const read = new Set<Slot>();
  const written = new Set<Slot>();
  const add = (step: Step): void => {
    causes.add(step);
    for (const { slot, isWritten } of touched(step)) (isWritten ? written : read).add(slot);
  };
  add(steps[at]);
  for (const step of steps.slice(0, at).reverse()) {
    const uses = touched(step);
    const isCause = uses.some(({ slot, isWritten }) => {
      return written.has(slot) || (isWritten && read.has(slot));
    });
    // What only looks may be a check without which the others must not run.
    const isCheck =
      uses.length > 0 && uses.every(({ slot, isWritten }) => !isWritten && read.has(slot));
    if (isCause || isCheck) add(step);
  }
  return causes;
}

/** The memory that a step works on. */
function touched(step: Step): { readonly slot: Slot; readonly isWritten: boolean }[] {
  if (step.kind === 'action') return [];
  if (step.kind === 'host') {
    return step.operands.map(({ slot, access }) => ({ slot, isWritten: access !== 'read' }));
  }
  const writes = writesOf(rowOf(step.kernel));
  return step.operands.flatMap((operand, i) => {
    return operand ? { slot: operand.slot, isWritten: writes[i] ?? false } : [];
  });
}
