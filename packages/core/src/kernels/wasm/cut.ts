import { PARAMETERS, type Row } from '../table/kernels.js';
import {
  axesOf,
  FIRST_PARAMETER,
  isNumber,
  parametersOf,
  PART,
  placesOf,
  SIZE,
  workOf,
} from '../table/layout.js';

/**
 * Decides from the sizes in a block how a call is cut, never from the number of threads: writes what
 * a part is, and returns the number of parts.
 */
type Cut = (block: Int32Array) => number;

/** With less work, a call stays one part: waking a thread costs more than it would take off. */
export const SHARE_FROM = 2 * PART;
/** Elements on a cache line: two threads never write to the same one, if parts are multiples. */
const LINE = 16;

/** How the kernels of a row are cut. */
export function cutOf(row: Row): Cut {
  if (row.cut === 'walk') return cutWalk;
  if (row.cut === 'none') return () => 1;
  const places = placesOf(parametersOf(row));
  const axes = axesOf(row).map(({ name, isLast }) => ({
    place: places[name],
    unit: isLast ? LINE : 1,
  }));
  const sizes = workOf(row);
  const work = sizes.filter((size) => !isNumber(size)).map((name) => places[name]);
  const times = sizes.filter(isNumber).reduce((product, size) => product * Number(size), 1);
  const [first] = axes;
  if (work.length === 1 && first?.place === FIRST_PARAMETER) return cutElements;
  return (block) => {
    let elements = times;
    for (let i = 0; i < work.length; i++) elements *= block[work[i]];
    let i = 0;
    while (i < axes.length - 1 && block[axes[i].place] === 1) i++;
    const axis = axes[i] as { place: number; unit: number };
    return cutAxis(block, block[axis.place], elements, axis.unit);
  };
}

function cutElements(block: Int32Array): number {
  const n = block[FIRST_PARAMETER];
  return cutAxis(block, n, n, LINE);
}

/** Cuts `count` things, with so many elements in all, into parts of whole units. */
function cutAxis(block: Int32Array, count: number, elements: number, unit: number): number {
  if (elements < SHARE_FROM) {
    block[SIZE] = count;
    return 1;
  }
  const parts = Math.min(count, Math.floor(elements / PART));
  const size = Math.ceil(count / parts / unit) * unit;
  block[SIZE] = size;
  return Math.ceil(count / size);
}

const { rank: RANK, stretches: STRETCHES, end: SHAPE } = placesOf(PARAMETERS.broadcast);

/** Long rows are cut into stretches of equal length, short ones are taken several at a time. */
function cutWalk(block: Int32Array): number {
  const rank = block[RANK];
  let rows = 1;
  for (let axis = 0; axis < rank - 1; axis++) rows *= block[SHAPE + axis];
  const length = rank === 0 ? 1 : block[SHAPE + rank - 1];
  block[STRETCHES] = 1;
  if (length < SHARE_FROM || rows === 0) return cutAxis(block, rows, rows * length, 1);
  const stretches = cutAxis(block, length, length, LINE);
  block[STRETCHES] = stretches;
  return rows * stretches;
}
