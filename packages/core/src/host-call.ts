import { probe, type HostUse } from './engine/probe.js';
import type { Guarded } from './program/guards.js';
import type { NumericArray } from './kernels/contract.js';
import type { Tensor } from './tensor.js';

/** A tensor that JavaScript works on. */
export interface HostTensor {
  readonly tensor: Tensor;
  readonly access: HostUse['access'];
}

/** Names a tensor that is only looked at. */
export const reads = (tensor: Tensor): HostTensor => ({ tensor, access: 'read' });
/** Names a tensor that was just made, every element of which is written. */
export const fills = (tensor: Tensor): HostTensor => ({ tensor, access: 'fill' });
/** Names a tensor that was there before; the change is counted, as `Tensor.update` does. */
export const updates = (tensor: Tensor): HostTensor => ({ tensor, access: 'update' });

/**
 * Runs a part of an operation that JavaScript does itself, on the elements of tensors and on nothing
 * else that changes. A program (`compile`) runs it again at the same place, on the elements of then;
 * what an operation does to elements outside of such a part, a program can't know.
 * @param name The operation's.
 * @param run Is given the elements of each tensor, in their order.
 */
export function hostCall(
  name: string,
  tensors: readonly HostTensor[],
  run: (...elements: NumericArray[]) => void,
): void {
  for (const { tensor, access } of tensors) {
    tensor.assertAlive();
    if (access === 'read') continue;
    if (access === 'update') tensor.storage.version++;
    tensor.storage.noteWrite();
  }
  const perform = (): void => run(...tensors.map(({ tensor }) => tensor.elements));
  if (probe?.host) probe.host(name, tensors.map(useOf), run, perform);
  else perform();
}

/**
 * Decides by the elements of tensors what an operation is made of: whether some label is to be
 * ignored, perhaps. A program is for one decision; where another run decides otherwise, it is not used.
 * @param decide Looks at the elements of each tensor, in their order, and changes nothing.
 */
export function hostDecision<T>(
  name: string,
  tensors: readonly Tensor[],
  decide: (...elements: NumericArray[]) => T,
): T {
  for (const tensor of tensors) tensor.assertAlive();
  const perform = (): T => decide(...tensors.map((tensor) => tensor.elements));
  if (!probe?.decision) return perform();
  return probe.decision(name, tensors.map(reads).map(useOf), decide, perform);
}

function useOf({ tensor: { storage, dtype, size }, access }: HostTensor): HostUse {
  return { memory: storage, dtype, size, access };
}

/**
 * Runs what an operation does in JavaScript besides, such as counting its calls. A program runs it
 * again at the same place.
 */
export function hostAction(run: () => void): void {
  if (probe?.action) probe.action(run);
  else run();
}

/**
 * Says that what an operation does depends on the state of an object besides its inputs. A program is
 * for the state of now.
 */
export function reliesOn(guarded: Guarded): void {
  probe?.relies?.(guarded);
}

/**
 * Says that something happens that a program would leave out: `sets learning rates`. There is no program
 * of a function that does so.
 */
export function refuseRecording(what: string): void {
  probe?.refuses?.(what);
}

/**
 * Whether what JavaScript does outside of such parts is left out another time: a choice that saves work
 * by the numbers of now can't be made then.
 */
export function isRecording(): boolean {
  return probe?.host !== undefined;
}

/**
 * Calls kernels with options that are another time others, such as a learning rate. A program asks
 * for them before each of its runs.
 * @param call Makes one kernel call with the options.
 */
export function withOptions<T>(options: () => T, call: (options: T) => void): void {
  if (probe?.renewing) probe.renewing(options, () => call(options()));
  else call(options());
}
