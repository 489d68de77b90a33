import type { NumericArray, RowsGeometry } from '../contract.js';

/*
 * What a recurrent cell does behind its two products, unit by unit. The gates of a row lie one behind
 * the other, n values each.
 */

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The derivative of a sigmoid by its result. */
const sigmoidSlope = (s: number): number => s * (1 - s);

/** The same of tanh. */
const tanhSlope = (t: number): number => 1 - t * t;

/** Calls `unit` with each unit's place, and with that in the first of so many gates. */
function each(
  { rows, n }: RowsGeometry,
  counts: readonly [number, number],
  unit: (at: number, few: number, many: number) => void,
): void {
  const [few, many] = counts;
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < n; j++) unit(row * n + j, row * few * n + j, row * many * n + j);
  }
}

export function gruCell(
  h: NumericArray,
  gates: NumericArray,
  fromX: NumericArray,
  fromH: NumericArray,
  before: NumericArray,
  geometry: RowsGeometry,
): void {
  const { n } = geometry;
  each(geometry, [3, 4], (at, from, to) => {
    const r = sigmoid(fromX[from] + fromH[from]);
    const z = sigmoid(fromX[from + n] + fromH[from + n]);
    const fromState = fromH[from + 2 * n];
    const candidate = Math.tanh(fromX[from + 2 * n] + r * fromState);
    h[at] = candidate + z * (before[at] - candidate);
    gates[to] = r;
    gates[to + n] = z;
    gates[to + 2 * n] = candidate;
    gates[to + 3 * n] = fromState;
  });
}

export function gruCellBackward(
  dFromX: NumericArray,
  dFromH: NumericArray,
  dBefore: NumericArray,
  dH: NumericArray,
  gates: NumericArray,
  before: NumericArray,
  geometry: RowsGeometry,
): void {
  const { n } = geometry;
  each(geometry, [3, 4], (at, to, from) => {
    const [r, z, candidate, fromState] = [0, 1, 2, 3].map((gate) => gates[from + gate * n]);
    const dSum = dH[at] * (1 - z) * tanhSlope(candidate);
    dFromX[to] = dFromH[to] = dSum * fromState * sigmoidSlope(r);
    dFromX[to + n] = dFromH[to + n] = dH[at] * (before[at] - candidate) * sigmoidSlope(z);
    dFromX[to + 2 * n] = dSum;
    dFromH[to + 2 * n] = dSum * r;
    dBefore[at] += dH[at] * z;
  });
}

export function lstmCell(
  h: NumericArray,
  c: NumericArray,
  gates: NumericArray,
  fromX: NumericArray,
  fromH: NumericArray,
  before: NumericArray,
  geometry: RowsGeometry,
): void {
  const { n } = geometry;
  each(geometry, [4, 4], (at, from) => {
    const [a, b, d, e] = [0, 1, 2, 3].map(
      (gate) => fromX[from + gate * n] + fromH[from + gate * n],
    );
    const [i, f, candidate, o] = [sigmoid(a), sigmoid(b), Math.tanh(d), sigmoid(e)];
    const cell = f * before[at] + i * candidate;
    c[at] = cell;
    h[at] = o * Math.tanh(cell);
    gates[from] = i;
    gates[from + n] = f;
    gates[from + 2 * n] = candidate;
    gates[from + 3 * n] = o;
  });
}

export function lstmCellBackward(
  dGates: NumericArray,
  dC: NumericArray,
  dH: NumericArray,
  gates: NumericArray,
  c: NumericArray,
  before: NumericArray,
  geometry: RowsGeometry,
): void {
  const { n } = geometry;
  each(geometry, [4, 4], (at, to) => {
    const [i, f, candidate, o] = [0, 1, 2, 3].map((gate) => gates[to + gate * n]);
    const shown = Math.tanh(c[at]);
    const dCell = dC[at] + dH[at] * o * tanhSlope(shown);
    dGates[to] = dCell * candidate * sigmoidSlope(i);
    dGates[to + n] = dCell * before[at] * sigmoidSlope(f);
    dGates[to + 2 * n] = dCell * i * tanhSlope(candidate);
    dGates[to + 3 * n] = dH[at] * shown * sigmoidSlope(o);
    dC[at] = dCell * f;
  });
}
