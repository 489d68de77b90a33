import { heap } from '../engine/engine.js';
import { SHARE_FROM } from '../kernels/wasm/cut.js';
import type { Keep, Launch } from '../kernels/wasm/emitter.js';
import type { Slot } from './recording.js';

/*
 * The launches of a program, in a list. Neighbours that don't need each other become one launch, whose
 * parts the threads share without meeting in between: the updates of all parameters, the gradients of
 * a layer. Each part is done as before, so the bits stay.
 */

/** Words of a launch in a list, and what stands for several side by side: assembly/parallel.ts. */
const LAUNCH_WORDS = 4;
const SIDE_BY_SIDE = -1;

/** Bytes that a launch reads or writes. */
export interface Range {
  /** The memory that they lie in; null for the memory that slots share places in. */
  readonly slot: Slot | null;
  /** From here in that memory, to before there. */
  readonly from: number;
  readonly to: number;
  readonly isWritten: boolean;
  /** Whether it is an input, or its gradient, or was there before, as that may be too. */
  readonly mayBeGiven: boolean;
}

/** A launch that waits for its place in the list. */
export interface Placed extends Launch {
  /** Where its block lies, in words. */
  readonly blockWord: number;
  readonly operation: string;
  /** The number of the call that it belongs to, whose launches hand on more than operands. */
  readonly call: number;
  readonly ranges: readonly Range[];
  /** The elements of the largest operand, if the launch is its whole call; else 0. */
  readonly elements: number;
}

/** Launches that are done as one. */
export type Group = readonly Placed[];

/** Cuts a list of launches into groups: in each, no launch needs another one. */
export function groupLaunches(launches: readonly Placed[]): Group[] {
  const groups: Group[] = [];
  let group: Placed[] = [];
  const close = (): void => {
    if (isWorthIt(group)) groups.push(group);
    else groups.push(...group.map((launch) => [launch]));
    group = [];
  };
  for (const launch of launches) {
    if (group.some((other) => isNeeded(other, launch))) close();
    group.push(launch);
  }
  close();
  return groups;
}

/** The operations of a group: `sgdStep × 6`, `matmul backward | sum`. */
export function nameOf(group: Group): string {
  const names: string[] = [];
  for (let i = 0; i < group.length;) {
    const { operation } = group[i];
    let count = 1;
    while (group[i + count]?.operation === operation) count++;
    names.push(count > 1 ? `${operation} × ${count}` : operation);
    i += count;
  }
  return names.join(' | ');
}

/**
 * Whether threads meet less often, or have something to share. Launches of one part each are done by
 * the caller without a meeting, and are quicker so as long as they are small.
 */
function isWorthIt(group: Group): boolean {
  if (group.length < 2) return false;
  const elements = group.reduce((sum, launch) => sum + launch.elements, 0);
  return elements >= SHARE_FROM || group.some(({ parts }) => parts > 1);
}

/** Whether the second launch must find the first one done. */
function isNeeded(first: Placed, second: Placed): boolean {
  if (first.call === second.call) return true;
  return first.ranges.some((a) => second.ranges.some((b) => isInTheWay(a, b)));
}

function isInTheWay(a: Range, b: Range): boolean {
  if (!a.isWritten && !b.isWritten) return false;
  if (a.slot === b.slot) return a.from < b.to && b.from < a.to;
  const isInput = a.slot?.kind === 'input' || b.slot?.kind === 'input';
  return isInput && a.mayBeGiven && b.mayBeGiven;
}

/**
 * Writes groups down, and behind them the launches of those that have several.
 * @returns Where the list lies.
 */
export function writeList(groups: readonly Group[], keep: Keep): number {
  if (groups.length === 0) return 0;
  const members = groups.filter(({ length }) => length > 1).flat();
  const rows: number[][] = [];
  const bytes = (launches: number): number => launches * LAUNCH_WORDS * 4;
  const list = keep(bytes(groups.length + members.length));
  let membersAt = list + bytes(groups.length);
  for (const group of groups) {
    if (group.length === 1) rows.push(rowOf(group[0]));
    else {
      const parts = group.reduce((sum, launch) => sum + launch.parts, 0);
      rows.push([SIDE_BY_SIDE, membersAt, parts, 0]);
      membersAt += bytes(group.length);
    }
  }
  heap.words.set([...rows, ...members.map(rowOf)].flat(), list / 4);
  return list;
}

function rowOf({ job, blockWord, parts }: Placed): number[] {
  return [job, blockWord * 4, parts, 0];
}

/** The most that a part of one of them needs to work in. */
export function scratchBytesOf(groups: readonly Group[]): number {
  return Math.max(0, ...groups.flat().map(({ scratchBytes }) => scratchBytes));
}
