import { convTilesSource } from './conv2d-tiles.js';

/*
 * Writes the innermost loops of the matrix product as AssemblyScript, one function for each size
 * of tile. The compiler keeps named variables in registers but never the elements of an array, so
 * a tile's sums must be written out by name; this program is shorter than what it writes.
 */

/** Rows of the largest outer-product tile, with fused multiply-add. */
export const FUSED_ROWS = 6;
/**
 * Vectors of four columns in the widest. With 2 of them, 6·2 sums, 2 of b and 1 of a fill 15
 * registers; with 4 they do where pairs are joined to vectors of eight.
 */
export const MAX_VECTORS = 4;
/** The largest dot-product tile, likewise: 3·3 sums, 3 of a and 3 of b are again 15. */
export const FUSED_DOT_ROWS = 3;
export const FUSED_DOT_COLUMNS = 3;

/**
 * 0 … n-1.
 * @param {number} n
 */
const range = (n) => [...Array(n).keys()];

/**
 * One text for each of 0 … n-1, on lines of their own.
 * @param {number} n
 * @param {(i: number) => string} text
 */
const lines = (n, text) => range(n).map(text).join('\n');

/**
 * out[r, c] = Σ_k a[k, r]·b[k, c] for `rows` rows and 4·`vectors` columns, k ascending. Row k of a
 * lies aStep bytes behind the one before, row k of b bStep, a row of out outStep.
 *
 * V8 orders a loop's loads and products by what follows the loop. Adding anything to the sums at the
 * end makes it load all of a first: more than fits the registers, and half the speed. So a tile only
 * stores them, and whoever adds to what out held adds them from there: a sum that began with it would
 * lose small products one by one beside a large value.
 * @param {number} rows
 * @param {number} vectors
 */
function outerTile(rows, vectors) {
  return `
  static outer${rows}x${vectors}(out: usize, outStep: usize, a: usize, aStep: usize, b: usize, bStep: usize, K: i32): void {
    ${lines(rows, (r) => lines(vectors, (v) => `let c${r}${v} = f32x4.splat(0);`))}
    for (; K > 0; K--) {
      ${lines(vectors, (v) => `const b${v} = v128.load(b, ${16 * v});`)}
      ${lines(
        rows,
        (r) => `const a${r} = v128.load32_splat(a, ${4 * r});
      ${lines(vectors, (v) => `c${r}${v} = Lanes.madd(a${r}, b${v}, c${r}${v});`)}`,
      )}
      a += aStep;
      b += bStep;
    }
    ${lines(
      rows,
      (r) => `${lines(vectors, (v) => `v128.store(out, c${r}${v}, ${16 * v});`)}
    out += outStep;`,
    )}
  }`;
}

/**
 * out[r, c] = Σ_k a[r, k]·b[c, k]: both run along k, so four k are taken at a time and the lanes
 * are summed at the end. A row of a lies aStep bytes behind the one before, a row of b bStep.
 * @param {number} rows
 * @param {number} columns
 */
function dotTile(rows, columns) {
  /** @type {(text: (r: number, c: number) => string) => string} */
  const sums = (text) => lines(rows, (r) => lines(columns, (c) => text(r, c)));
  /** @type {(load: (from: string) => string) => string} */
  const step = (load) => `
      ${lines(rows, (r) => `const a${r} = ${load(`a + ${r} * aStep`)};`)}
      let row = b;
      ${lines(
        columns,
        (c) => `const b${c} = ${load('row')};
      ${c + 1 < columns ? 'row += bStep;' : ''}
      ${lines(rows, (r) => `c${r}${c} = Lanes.madd(a${r}, b${c}, c${r}${c});`)}`,
      )}`;
  return `
  static dot${rows}x${columns}(out: usize, outStep: usize, add: bool, a: usize, aStep: usize, b: usize, bStep: usize, K: i32): void {
    ${sums((r, c) => `let c${r}${c} = f32x4.splat(0);`)}
    for (; K >= 4; K -= 4) {
      ${step((from) => `v128.load(${from})`)}
      a += 16;
      b += 16;
    }
    if (K > 0) {
      ${step((from) => `Lanes.loadPart(${from}, K)`)}
    }
    ${lines(
      rows,
      (r) => `${lines(
        columns,
        (c) =>
          `store<f32>(out, add ? load<f32>(out, ${4 * c}) + Lanes.sum(c${r}${c}) : Lanes.sum(c${r}${c}), ${4 * c});`,
      )}
    out += outStep;`,
    )}
  }`;
}

/**
 * A function that picks the tile of a size known only at run time.
 * @param {string} name
 * @param {number} rows
 * @param {number} columns
 * @param {boolean} adds Whether its tiles may add to what out holds.
 */
function dispatch(name, rows, columns, adds) {
  return `
  static ${name}(rows: i32, columns: i32, out: usize, outStep: usize, ${adds ? 'add: bool, ' : ''}a: usize, aStep: usize, b: usize, bStep: usize, K: i32): void {
    switch ((rows - 1) * ${columns} + columns - 1) {
      ${lines(
        rows * columns,
        (i) => `case ${i}: {
        Tiles.${name}${Math.floor(i / columns) + 1}x${(i % columns) + 1}(out, outStep, ${adds ? 'add, ' : ''}a, aStep, b, bStep, K);
        return;
      }`,
      )}
    }
  }`;
}

/** The source of `build/tiles.ts`. */
export function tilesSource() {
  const outer = range(FUSED_ROWS * MAX_VECTORS).map((i) =>
    outerTile(Math.floor(i / MAX_VECTORS) + 1, (i % MAX_VECTORS) + 1),
  );
  const dots = range(FUSED_DOT_ROWS * FUSED_DOT_COLUMNS).map((i) =>
    dotTile(Math.floor(i / FUSED_DOT_COLUMNS) + 1, (i % FUSED_DOT_COLUMNS) + 1),
  );
  return `// Written by tiles.js.
import { Lanes } from '../lanes';

export const FUSED_ROWS: i32 = ${FUSED_ROWS};
export const MAX_ROWS: i32 = ${FUSED_ROWS};
export const MAX_VECTORS: i32 = ${MAX_VECTORS};
export const FUSED_DOT_ROWS: i32 = ${FUSED_DOT_ROWS};
export const FUSED_DOT_COLUMNS: i32 = ${FUSED_DOT_COLUMNS};

export class Tiles {
${[...outer, ...dots, dispatch('outer', FUSED_ROWS, MAX_VECTORS, false), dispatch('dot', FUSED_DOT_ROWS, FUSED_DOT_COLUMNS, true)].join('\n')}
}

${convTilesSource()}
`;
}
