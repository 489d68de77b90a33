/*
 * Writes the innermost loops of the convolution, as tiles.js does those of the matrix product. A
 * tile is `rows` × 4·`vectors` sums in registers. Neighbouring vectors are always loaded, summed
 * and stored in pairs, 16 bytes apart: that is what V8 joins to 256-bit instructions.
 *
 * A run is a segment of pixels as long as half a tile: `gather` and `scatter` take two at a time,
 * whose addresses have nothing to do with each other.
 */

/** Rows of the largest tile, as in tiles.js: twelve sums and what feeds them fill the registers. */
const MAX_ROWS = 6;
/** Vectors of the tile that is meant for 256-bit instructions. */
const WIDE = 4;

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
 * c{r}{v} += a{r}·b{v}.
 * @param {number} rows
 * @param {number} vectors
 * @param {(r: number) => string} a
 */
const multiplyAdd = (rows, vectors, a) =>
  lines(
    rows,
    (r) => `const a${r} = ${a(r)};
      ${lines(vectors, (v) => `c${r}${v} = Lanes.madd(a${r}, b${v}, c${r}${v});`)}`,
  );

/**
 * Vectors b{v} of two runs, whose addresses are {at}0 and {at}1.
 * @param {string} at
 * @param {number} vectors
 */
const loadRuns = (at, vectors) =>
  lines(vectors, (v) => `const b${v} = v128.load(${inRuns(at, v, vectors)});`);

/**
 * The sums begin with what two runs hold; rows lie `step` bytes apart.
 * @param {string} at
 * @param {string} step
 * @param {number} rows
 * @param {number} vectors
 */
const beginWithRuns = (at, step, rows, vectors) => `
      let from0 = ${at}0;
      let from1 = ${at}1;
      ${lines(
        rows,
        (
          r,
        ) => `${lines(vectors, (v) => `let c${r}${v} = v128.load(${inRuns('from', v, vectors)});`)}
      from0 += ${step};
      from1 += ${step};`,
      )}`;

/**
 * Stores the sums in two runs, the first run last: where both are the same one, the second has
 * nothing to add to what was there.
 * @param {string} at
 * @param {string} step
 * @param {number} rows
 * @param {number} vectors
 */
const storeRuns = (at, step, rows, vectors) =>
  lines(rows, (r) => {
    const half = vectors / 2;
    /** @param {number} run */
    const run = (run) =>
      lines(half, (v) => `v128.store(${at}${run}, c${r}${run * half + v}, ${16 * v});`);
    return `${run(1)}
      ${run(0)}
      ${at}0 += ${step};
      ${at}1 += ${step};`;
  });

/**
 * Where vector v of two runs lies: its run's address and its offset there.
 * @param {string} at
 * @param {number} v
 * @param {number} vectors
 */
function inRuns(at, v, vectors) {
  const half = vectors / 2;
  return `${at}${Math.floor(v / half)}, ${16 * (v % half)}`;
}

/**
 * V8 of Node 20 unrolls a loop inside a loop, which costs these half their speed: more sums are
 * alive at once than there are registers. So the narrow tiles take one pair a call, and `gather`
 * and its like are exported from the module, lest the compiler put them into a loop of the caller.
 * @param {number} vectors
 * @param {string} body
 */
const eachPair = (vectors, body) =>
  vectors === WIDE ? `for (; pairs > 0; pairs--, runs += 16) {${body}\n}` : body;

/**
 * Forward. out[r, pixel] = Σ_k weights[k, r]·x[pixel + taps[k]], for `pairs` pairs of runs. `runs`
 * holds four offsets for each: two in x, two in out.
 *
 * A tap's offset is loaded one step ahead, which V8 of Node 20 rewards with a tenth of the time; so
 * the table is read one entry further than it is used.
 * @param {number} rows
 * @param {number} vectors
 */
function gatherTile(rows, vectors) {
  return `
  static gather${rows}x${vectors}(out: usize, outStep: usize, x: usize, runs: usize, pairs: i32, taps: usize, K: i32, weights: usize): void {
    const tapsEnd = taps + ((<usize>K) << 2);
    ${eachPair(
      vectors,
      `
      const x0 = x + load<u32>(runs);
      const x1 = x + load<u32>(runs, 4);
      let out0 = out + load<u32>(runs, 8);
      let out1 = out + load<u32>(runs, 12);
      ${lines(rows, (r) => lines(vectors, (v) => `let c${r}${v} = f32x4.splat(0);`))}
      let a = weights;
      let offset: usize = load<u32>(taps);
      let pixel0 = x0 + offset;
      let pixel1 = x1 + offset;
      for (let tap = taps; tap != tapsEnd;) {
        ${loadRuns('pixel', vectors)}
        ${multiplyAdd(rows, vectors, (r) => `v128.load32_splat(a, ${4 * r})`)}
        a += ${4 * rows};
        tap += 4;
        offset = load<u32>(tap);
        pixel0 = x0 + offset;
        pixel1 = x1 + offset;
      }
      ${storeRuns('out', 'outStep', rows, vectors)}`,
    )}
  }`;
}

/**
 * Backward to x. x[r, pixel] += Σ_k weights[k, r]·panels[pair, k, pixel], for `pairs` pairs of
 * runs; `runs` is as gather's, of which the offsets in x are used. A row of x is xStep bytes long.
 * @param {number} rows
 * @param {number} vectors
 */
function scatterTile(rows, vectors) {
  return `
  static scatter${rows}x${vectors}(x: usize, xStep: usize, runs: usize, pairs: i32, weights: usize, panels: usize, K: i32): void {
    ${eachPair(
      vectors,
      `
      let x0 = x + load<u32>(runs);
      let x1 = x + load<u32>(runs, 4);
      ${beginWithRuns('x', 'xStep', rows, vectors)}
      let a = weights;
      for (let k = K; k > 0; k--) {
        ${lines(vectors, (v) => `const b${v} = v128.load(panels, ${16 * v});`)}
        ${multiplyAdd(rows, vectors, (r) => `v128.load32_splat(a, ${4 * r})`)}
        a += ${4 * rows};
        panels += ${16 * vectors};
      }
      ${storeRuns('x', 'xStep', rows, vectors)}`,
    )}
  }`;
}

/**
 * Backward to weight. out[r, column] += Σ_p x[taps[r] + steps[0] + … + steps[p-1]]·panel[p, column]
 * for P steps, the last of which leads nowhere.
 * @param {number} rows
 * @param {number} vectors
 */
function correlateTile(rows, vectors) {
  return `
  static correlate${rows}x${vectors}(out: usize, outStep: usize, x: usize, taps: usize, steps: usize, P: i32, panel: usize): void {
    ${lines(rows, (r) => `let x${r} = x + load<u32>(taps, ${4 * r});`)}
    let from = out;
    ${lines(
      rows,
      (r) => `${lines(vectors, (v) => `let c${r}${v} = v128.load(from, ${16 * v});`)}
    from += outStep;`,
    )}
    for (const end = steps + ((<usize>P) << 2); steps != end; steps += 4) {
      ${lines(vectors, (v) => `const b${v} = v128.load(panel, ${16 * v});`)}
      ${multiplyAdd(rows, vectors, (r) => `v128.load32_splat(x${r})`)}
      panel += ${16 * vectors};
      const step = load<u32>(steps);
      ${lines(rows, (r) => `x${r} += step;`)}
    }
    ${lines(
      rows,
      (r) => `${lines(vectors, (v) => `v128.store(out, c${r}${v}, ${16 * v});`)}
    out += outStep;`,
    )}
  }`;
}

/**
 * Backward to weight, for few output channels. out[r, t, lane] += Σ_i rows[r, 8i + lane]·x[runs[i]
 * + taps[t] + lane] for `channels` rows and `taps` taps; eight lanes are a pair of vectors.
 * @param {number} channels
 * @param {number} taps
 */
function dotsTile(channels, taps) {
  /** @param {(r: number, t: number) => string} text */
  const sums = (text) => lines(channels, (r) => lines(taps, (t) => text(r, t)));
  return `
  static dots${channels}x${taps}(out: usize, outStep: usize, x: usize, taps: usize, runs: usize, count: i32, row0: usize, rowStep: usize): void {
    ${lines(taps, (t) => `const x${t} = x + load<u32>(taps, ${4 * t});`)}
    ${lines(channels, (r) => (r === 0 ? '' : `let row${r} = row${r - 1} + rowStep;`))}
    const out0 = out;
    ${lines(channels, (r) => (r === 0 ? '' : `const out${r} = out${r - 1} + outStep;`))}
    ${sums(
      (r, t) => `let c${r}_${t}_0 = v128.load(out${r}, ${32 * t});
    let c${r}_${t}_1 = v128.load(out${r}, ${32 * t + 16});`,
    )}
    for (const end = runs + ((<usize>count) << 2); runs != end; runs += 4) {
      const run = load<u32>(runs);
      ${lines(
        channels,
        (r) => `const a${r}_0 = v128.load(row${r});
      const a${r}_1 = v128.load(row${r}, 16);
      row${r} += 32;`,
      )}
      ${lines(
        taps,
        (t) => `const at${t} = x${t} + run;
      const b${t}_0 = v128.load(at${t});
      const b${t}_1 = v128.load(at${t}, 16);
      ${lines(
        channels,
        (r) => `c${r}_${t}_0 = Lanes.madd(a${r}_0, b${t}_0, c${r}_${t}_0);
      c${r}_${t}_1 = Lanes.madd(a${r}_1, b${t}_1, c${r}_${t}_1);`,
      )}`,
      )}
    }
    ${sums(
      (r, t) => `v128.store(out${r}, c${r}_${t}_0, ${32 * t});
    v128.store(out${r}, c${r}_${t}_1, ${32 * t + 16});`,
    )}
  }`;
}

/** The tiles of dot products: channels, and the most taps that go with them. */
const DOTS = [
  [1, 12],
  [2, 6],
];

/** The function that picks among them. */
function dispatchDots() {
  const args = 'out, outStep, x, taps, runs, count, rows, rowStep';
  return `
export function dots(channels: i32, tapCount: i32, out: usize, outStep: usize, x: usize, taps: usize, runs: usize, count: i32, rows: usize, rowStep: usize): void {
  switch (channels * 16 + tapCount) {
    ${DOTS.flatMap(([channels = 0, most = 0]) =>
      range(most).map(
        (t) => `case ${channels * 16 + t + 1}: {
      ConvTiles.dots${channels}x${t + 1}(${args});
      return;
    }`,
      ),
    ).join('\n')}
  }
}`;
}

/** Rows and columns of the window that the tiles of one channel are for. */
const WINDOW = 3;

/**
 * Pixels x{kw}{v} of a row for each of its taps.
 * @param {number} vectors
 */
const loadTaps = (vectors) =>
  lines(WINDOW, (kw) =>
    lines(vectors, (v) => `const x${kw}${v} = v128.load(x, ${4 * kw + 16 * v});`),
  );

/**
 * Forward from one channel, by windows of 3×3: columns of out from `out` to `end`, as wide as the
 * vectors. They go down the rows of x, each of which is the last row of some windows, the middle one of
 * those below, and the first of those below these: so it is loaded once. Nothing but sums passes from
 * row to row, and weights stay in registers.
 * @param {number} vectors
 */
function channelColumns(vectors) {
  /** @type {(kh: number, v: number, sum: string) => string} */
  const taps = (kh, v, sum) =>
    range(WINDOW).reduce(
      (text, kw) => `Lanes.madd(w${kh * WINDOW + kw}, x${kw}${v}, ${text})`,
      sum,
    );
  /** @type {(text: (v: number) => string) => string} */
  const each = (text) => lines(vectors, text);
  return `
export function channelColumns${vectors}(out: usize, outStep: usize, end: usize, x: usize, xStep: usize, weights: usize, bias: f32): void {
  ${lines(WINDOW * WINDOW, (k) => `const w${k} = v128.load32_splat(weights, ${4 * k});`)}
  const biases = f32x4.splat(bias);
  const zero = f32x4.splat(0);
  ${each((v) => `let upper${v} = zero; let middle${v} = zero;`)}
  {
    ${loadTaps(vectors)}
    ${each((v) => `upper${v} = ${taps(0, v, 'zero')};`)}
    x += xStep;
  }
  {
    ${loadTaps(vectors)}
    ${each((v) => `middle${v} = ${taps(1, v, `upper${v}`)};`)}
    ${each((v) => `upper${v} = ${taps(0, v, 'zero')};`)}
    x += xStep;
  }
  for (; out < end; out += outStep, x += xStep) {
    ${loadTaps(vectors)}
    ${each((v) => `const lower${v} = ${taps(2, v, `middle${v}`)};`)}
    ${each((v) => `v128.store(out, f32x4.add(lower${v}, biases), ${16 * v});`)}
    ${each((v) => `middle${v} = ${taps(1, v, `upper${v}`)};`)}
    ${each((v) => `upper${v} = ${taps(0, v, 'zero')};`)}
  }
}`;
}

/**
 * Backward to weight from one channel, by windows of 3×3. sums[tap, lane] += Σ dOut·x over columns as
 * wide as the vectors; the sums of a tap are eight lanes. dOut has two rows of zeros above its own and
 * below. A row of x, of which there are `rows`, is the last row of some windows, the middle one of those
 * below, and the first of those below these.
 * @param {number} vectors
 */
function channelDots(vectors) {
  /** @type {(text: (kh: number, kw: number, v: number) => string) => string} */
  const sums = (text) =>
    lines(WINDOW, (kh) => lines(WINDOW, (kw) => lines(vectors, (v) => text(kh, kw, v))));
  /** @type {(kh: number, kw: number, v: number) => number} */
  const place = (kh, kw, v) => 32 * (kh * WINDOW + kw) + 16 * v;
  return `
export function channelDots${vectors}(sums: usize, dOut: usize, dStep: usize, x: usize, xStep: usize, rows: i32): void {
  ${sums((kh, kw, v) => `let c${kh}${kw}${v} = v128.load(sums, ${place(kh, kw, v)});`)}
  for (; rows > 0; rows--, dOut += dStep, x += xStep) {
    ${loadTaps(vectors)}
    const row2 = dOut;
    const row1 = row2 + dStep;
    const row0 = row1 + dStep;
    ${lines(WINDOW, (kh) => lines(vectors, (v) => `const d${kh}${v} = v128.load(row${kh}, ${16 * v});`))}
    ${sums((kh, kw, v) => `c${kh}${kw}${v} = Lanes.madd(d${kh}${v}, x${kw}${v}, c${kh}${kw}${v});`)}
  }
  ${sums((kh, kw, v) => `v128.store(sums, c${kh}${kw}${v}, ${place(kh, kw, v)});`)}
}`;
}

/**
 * A function that picks the tile of a size known only at run time.
 * @param {string} name
 * @param {readonly number[]} widths
 * @param {readonly [name: string, type: string][]} parameters
 */
function dispatch(name, widths, parameters) {
  const types = parameters.map(([parameter, type]) => `${parameter}: ${type}`).join(', ');
  const args = parameters.map(([parameter]) => parameter).join(', ');
  return `
export function ${name}(rows: i32, vectors: i32, ${types}): void {
    switch (rows * 8 + vectors) {
      ${widths
        .flatMap((vectors) =>
          range(MAX_ROWS).map(
            (r) => `case ${(r + 1) * 8 + vectors}: {
        ConvTiles.${name}${r + 1}x${vectors}(${args});
        return;
      }`,
          ),
        )
        .join('\n')}
    }
  }`;
}

/**
 * @param {readonly number[]} widths
 * @param {(rows: number, vectors: number) => string} tile
 */
const tiles = (widths, tile) =>
  widths.flatMap((vectors) => range(MAX_ROWS).map((r) => tile(r + 1, vectors)));

/** The tiles of the convolution in `build/tiles.ts`. */
export function convTilesSource() {
  const runWidths = [2, 4];
  const columnWidths = [1, 2, 4];
  return `class ConvTiles {
${[
  ...tiles(runWidths, gatherTile),
  ...tiles(runWidths, scatterTile),
  ...tiles(columnWidths, correlateTile),
  ...DOTS.flatMap(([channels = 0, most = 0]) => range(most).map((t) => dotsTile(channels, t + 1))),
].join('\n')}
}
${[
  dispatch('gather', runWidths, [
    ['out', 'usize'],
    ['outStep', 'usize'],
    ['x', 'usize'],
    ['runs', 'usize'],
    ['pairs', 'i32'],
    ['taps', 'usize'],
    ['K', 'i32'],
    ['weights', 'usize'],
  ]),
  dispatch('scatter', runWidths, [
    ['x', 'usize'],
    ['xStep', 'usize'],
    ['runs', 'usize'],
    ['pairs', 'i32'],
    ['weights', 'usize'],
    ['panels', 'usize'],
    ['K', 'i32'],
  ]),
  dispatch('correlate', columnWidths, [
    ['out', 'usize'],
    ['outStep', 'usize'],
    ['x', 'usize'],
    ['taps', 'usize'],
    ['steps', 'usize'],
    ['P', 'i32'],
    ['panel', 'usize'],
  ]),
  dispatchDots(),
  ...[1, 2].flatMap((vectors) => [channelColumns(vectors), channelDots(vectors)]),
].join('\n')}`;
}
