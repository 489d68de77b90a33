/*
 * The list of kernels, those of the first binary: what layers of convolutions, products, ReLU and
 * pooling need, and tensors themselves. The others stand in more-kernels.js, which has the same kind
 * of rows; no name is in both. What else is known of a kernel follows from its row: the types of the
 * contract and the wrappers by TypeScript, the numbers, the places of parameters and the calls in
 * WebAssembly by assembly/dispatch.js, which writes them when the binaries are built. It is plain
 * JavaScript, so that the build can read it as it is.
 *
 * A row says
 *
 * - `source`: the file of `assembly/` that exports a function of the kernel's name;
 * - `operands`: 'role name dtype[dimensions]', those that are written first. The role is `out`,
 *   `in` or `inout`; dimensions are names of parameters or numbers, the slowest first, and
 *   `shape by strides` is a walk at strides. `?` behind it: may be null;
 * - `parameters`: a group of `PARAMETERS`, or a kernel's own constants by the names that they have in
 *   its options, all of them behind `n`, the length of the first operand;
 * - `work`: the operand whose elements say how much work a call is, unless it is the first;
 * - `cut`: how the work is cut into parts that any thread may do:
 *     a list of parameters: along the first of them that is not 1. The function is called with
 *       operands and parameters as if the part were all of it. 'inner as width' leaves `inner` as it
 *       is, a distance between rows, and hands over the part's share of it last;
 *     'walk': a walk over `shape`, cut into stretches; the function gets a Walk (assembly/walk.ts);
 *     'none': it is one part, as each step of it needs the one before, or it is little;
 *     'own': by functions of the kernel's own, which are its `jobs`;
 * - `jobs`: those, by name, and whether a part of it needs scratch; `…Part` is the function's name.
 */

/**
 * The type of a parameter: a word, or for `f64` two. `bool` is 0 or 1; `address` is a place on the heap.
 * @typedef {'i32' | 'f32' | 'f64' | 'bool' | 'address'} ParameterType
 */

/** @typedef {Readonly<Record<string, ParameterType>>} Parameters */
/** @typedef {Readonly<Record<string, 'i32' | 'f32'>>} Constants */

/**
 * @typedef {object} Row
 * @property {string} source
 * @property {readonly string[]} operands
 * @property {keyof typeof PARAMETERS | Constants} parameters
 * @property {string} [work]
 * @property {readonly string[] | 'walk' | 'none' | 'own'} cut
 * @property {Readonly<Record<string, { readonly scratch: boolean }>>} [jobs]
 */

/**
 * Types each text in a row as itself, and checks that rows are rows.
 * @template {Readonly<Record<string, Row>>} const T
 * @param {T} rows
 * @returns {{ readonly [K in keyof T]: T[K] }}
 */
export const table = (rows) => rows;

/**
 * The same for what several rows share, and for parameters.
 * @template const T
 * @param {T} part
 * @returns {{ readonly [K in keyof T]: T[K] }}
 */
export const part = (part) => part;

/** Behind these lie the shape and the strides of each operand that has some. */
const WALK = part({
  rank: 'i32',
  /** Stretches of a row; 1 where a stretch is several rows. */
  stretches: 'i32',
});

const WINDOW = part({
  C: 'i32',
  H: 'i32',
  W: 'i32',
  KH: 'i32',
  KW: 'i32',
  OH: 'i32',
  OW: 'i32',
  strideH: 'i32',
  strideW: 'i32',
  padTop: 'i32',
  padLeft: 'i32',
  dilationH: 'i32',
  dilationW: 'i32',
});

/** The activations that products apply to their results, by the numbers of `activation`. */
export const ACTIVATIONS = part({ none: 0, relu: 1, leakyRelu: 2 });

/** What a product applies to its results: one of `ACTIVATIONS`, and the slope of leakyRelu. */
const ACTIVATION_WORDS = part({ activation: 'i32', slope: 'f32' });

/** The words of a WINDOW once more, in their order: those of the pooling behind a convolution. */
const POOL_WORDS = part({
  poolC: 'i32',
  poolH: 'i32',
  poolW: 'i32',
  poolKH: 'i32',
  poolKW: 'i32',
  poolOH: 'i32',
  poolOW: 'i32',
  poolStrideH: 'i32',
  poolStrideW: 'i32',
  poolPadTop: 'i32',
  poolPadLeft: 'i32',
  poolDilationH: 'i32',
  poolDilationW: 'i32',
});

/** Parameters that several kernels share, or that are not the options themselves. */
export const PARAMETERS = part({
  broadcast: WALK,
  where: WALK,
  strided: WALK,
  index: { outer: 'i32', n: 'i32', inner: 'i32', count: 'i32' },
  reduce: { outer: 'i32', n: 'i32', inner: 'i32' },
  scan: { outer: 'i32', n: 'i32', inner: 'i32', reverse: 'bool' },
  order: { rows: 'i32', n: 'i32', descending: 'bool' },
  squares: { n: 'i32' },
  rows: { rows: 'i32', n: 'i32' },
  window: WINDOW,
  channels: { outer: 'i32', channels: 'i32', inner: 'i32' },
  moments: { outer: 'i32', channels: 'i32', inner: 'i32', eps: 'f32' },
  /** `averages` where the batch's share is 1 / batches, and not `share`. */
  running: { channels: 'i32', count: 'i32', averages: 'bool', share: 'f64' },
  layerNorm: { rows: 'i32', n: 'i32', eps: 'f32' },
  /** Shares of the target: at the label, and everywhere. */
  crossEntropy: { N: 'i32', C: 'i32', atLabel: 'f32', everywhere: 'f32' },
  /** The bytes below `below` keep a value, and the one that is it keeps one by a word below `threshold`. */
  mask: { n: 'i32', below: 'i32', threshold: 'f64' },
  /** `undamped` is 1 - dampening. */
  sgd: {
    n: 'i32',
    lr: 'f32',
    weightDecay: 'f32',
    momentum: 'f32',
    undamped: 'f32',
    nesterov: 'bool',
    firstStep: 'bool',
  },
  /** `fresh1` is 1 - beta1, `fresh2` 1 - beta2; the others come from adam-factors.ts. */
  adam: {
    n: 'i32',
    stepSize: 'f32',
    rootScale: 'f32',
    beta1: 'f32',
    fresh1: 'f32',
    beta2: 'f32',
    fresh2: 'f32',
    eps: 'f32',
    decay: 'f32',
    shrinkage: 'f32',
    amsgrad: 'bool',
  },
  matmul: {
    M: 'i32',
    N: 'i32',
    K: 'i32',
    transposeA: 'bool',
    transposeB: 'bool',
    accumulate: 'bool',
    out: 'address',
    a: 'address',
    b: 'address',
    /** Where the operand that all parts share is packed; 0: each part packs what it needs. */
    packed: 'address',
    /** The steps of k that a job takes. */
    kFrom: 'i32',
    kTo: 'i32',
    /** Products in a part of a batch, and how far apart they lie in a and b, in floats. */
    batchSize: 'i32',
    batch: 'i32',
    aBatchStride: 'i32',
    bBatchStride: 'i32',
    ...ACTIVATION_WORDS,
    /**
     * What is added to each row of the result before the activation: the address of N floats, 0 for none.
     * Both are applied to an element when its sum is whole: of a product in slabs, in the last one,
     * though the launches of all slabs are given them.
     */
    bias: 'address',
  },
  conv2d: {
    N: 'i32',
    OC: 'i32',
    groups: 'i32',
    /** The window; C counts one group's channels. */
    ...WINDOW,
    /** Backward, `out` is dOut, and one of the others is the gradient to write. */
    out: 'address',
    x: 'address',
    weight: 'address',
    /** 0 for none. */
    bias: 'address',
    shared: 'address',
    /** Not 0 where the weights are those of the mirrored convolution: see assembly/conv2d.ts. */
    flipped: 'bool',
    ...ACTIVATION_WORDS,
    /**
     * What forward does with its planes while they lie in the cache: the activation, and, unless
     * `pooled` is 0, a maxPool2d of planes of OH × OW, whose parameters follow. It writes `pooled`
     * and, unless it is 0, `indices`. `out` may then be 0: its planes stay in scratch.
     * conv2dForwardCanPool says whether a pooling can be joined.
     */
    pooled: 'address',
    indices: 'address',
    ...POOL_WORDS,
    /**
     * Backward to x: the address of relu's result, which x was, to join reluBackward to it; 0 for none.
     * In the block of conv2dBackwardInput it is set before Prepare, which takes it over.
     */
    saved: 'address',
  },
});

/** Groups whose kernels get the address of their parameters: they read them by a class. */
export const CLASSES = part({
  window: 'WindowParameters',
  adam: 'AdamParameters',
  matmul: 'ProductParameters',
  conv2d: 'ConvParameters',
});

export const UNARY = part({
  source: 'elementwise',
  operands: ['out out f32[n]', 'in x f32[n]'],
  parameters: {},
  cut: ['n'],
});

/** `saved` is the operation's input or its result. */
export const GRADIENT = part({
  source: 'elementwise',
  operands: ['out dX f32[n]', 'in dOut f32[n]', 'in saved f32[n]'],
  parameters: {},
  cut: ['n'],
});

export const BINARY = part({
  source: 'broadcast',
  operands: ['out out f32[shape]', 'in a f32[shape by aStrides]', 'in b f32[shape by bStrides]'],
  parameters: 'broadcast',
  cut: 'walk',
});

const EXTREME = part({
  source: 'reductions',
  operands: [
    'out out f32[outer, inner]',
    'out indices i32[outer, inner]',
    'in x f32[outer, n, inner]',
  ],
  parameters: 'reduce',
  work: 'x',
  cut: ['outer', 'inner as width'],
});

export const KERNELS = table({
  // --- Elementwise, one input. Write; `out` may be `x`. ---
  neg: UNARY,
  /** max(x, 0); NaN stays NaN. */
  relu: UNARY,
  /** x where x > 0, else slope·x. */
  leakyRelu: { ...UNARY, parameters: { slope: 'f32' } },

  // --- Their gradients. Write; `dX` may be `dOut`. ---
  /**
   * 0 where saved ≤ 0, else dOut: the derivative is 0 at 0 and 1 at NaN. `saved` is relu's result.
   */
  reluBackward: GRADIENT,
  /** dOut where saved > 0, else slope·dOut, also at NaN; `saved` is the input. */
  leakyReluBackward: { ...GRADIENT, parameters: { slope: 'f32' } },

  // --- Elementwise, two broadcast inputs. Write; `out` may be an input that is not broadcast. ---
  add: BINARY,
  sub: BINARY,
  mul: BINARY,
  div: BINARY,
  where: {
    source: 'broadcast',
    operands: [
      'out out f32[shape]',
      'in condition u8[shape by conditionStrides]',
      'in a f32[shape by aStrides]',
      'in b f32[shape by bStrides]',
    ],
    parameters: 'where',
    cut: 'walk',
  },

  // --- Movement ---
  /** Sets every element of `out` to `value`. */
  fill: {
    source: 'movement',
    operands: ['out out f32[n]'],
    parameters: { value: 'f32' },
    cut: ['n'],
  },
  copyStrided: {
    source: 'movement',
    operands: ['inout out f32[shape by outStrides]', 'in x f32[shape by xStrides]'],
    parameters: 'strided',
    cut: 'walk',
  },

  // --- Reductions ---
  sum: {
    source: 'reductions',
    operands: ['out out f32[outer, inner]', 'in x f32[outer, n, inner]'],
    parameters: 'reduce',
    work: 'x',
    cut: ['outer', 'inner as width'],
  },
  max: EXTREME,
  min: EXTREME,
  selectBackward: {
    source: 'reductions',
    operands: [
      'out dX f32[outer, n, inner]',
      'in dOut f32[outer, inner]',
      'in indices i32[outer, inner]',
    ],
    parameters: 'reduce',
    cut: ['outer', 'inner as width'],
  },
  sumBytes: {
    source: 'bytes',
    operands: ['out out i32[outer, inner]', 'in x u8[outer, n, inner]'],
    parameters: 'reduce',
    work: 'x',
    cut: ['outer', 'inner as width'],
  },

  // --- Linear algebra ---
  matmul: {
    source: 'matmul',
    operands: ['inout out f32[batch, M, N]', 'in a f32[batch, M, K]', 'in b f32[batch, K, N]'],
    parameters: 'matmul',
    cut: 'own',
    jobs: {
      matmulPack: { scratch: false },
      matmul: { scratch: true },
      matmulBatch: { scratch: true },
    },
  },
  /**
   * matmul, the addition of a bias to each row and an activation in one: the bits of the three one
   * after another. Its jobs are matmul's. A program calls it in place of the three (program/join.ts).
   */
  matmulJoined: {
    source: 'matmul',
    operands: [
      'inout out f32[batch, M, N]',
      'in a f32[batch, M, K]',
      'in b f32[batch, K, N]',
      'in bias f32[N]?',
    ],
    parameters: 'matmul',
    cut: 'own',
    jobs: {},
  },

  // --- Windows over one image ---
  unfold: {
    source: 'window',
    operands: ['out out f32[C, KH, KW, OH, OW]', 'in x f32[C, H, W]'],
    parameters: 'window',
    cut: ['C'],
  },
  fold: {
    source: 'window',
    operands: ['inout dX f32[C, H, W]', 'in columns f32[C, KH, KW, OH, OW]'],
    parameters: 'window',
    work: 'columns',
    cut: ['C'],
  },
  maxPool2d: {
    source: 'window',
    operands: ['out out f32[C, OH, OW]', 'out indices i32[C, OH, OW]', 'in x f32[C, H, W]'],
    parameters: 'window',
    work: 'x',
    cut: ['C'],
  },
  maxPool2dBackward: {
    source: 'window',
    operands: ['out dX f32[C, H, W]', 'in dOut f32[C, OH, OW]', 'in indices i32[C, OH, OW]'],
    parameters: 'window',
    cut: ['C'],
  },
  /** maxPool2dBackward and reluBackward in one, `pooled` being what the pooling of relu's result gave. */
  maxPool2dReluBackward: {
    source: 'window',
    operands: [
      'out dX f32[C, H, W]',
      'in dOut f32[C, OH, OW]',
      'in indices i32[C, OH, OW]',
      'in pooled f32[C, OH, OW]',
    ],
    parameters: 'window',
    cut: ['C'],
  },

  // --- Convolution of a whole batch; here C counts the channels of one group ---
  conv2d: {
    source: 'conv2d-forward',
    operands: [
      'out out f32[N, OC, OH, OW]',
      'in x f32[N, groups, C, H, W]',
      'in weight f32[OC, C, KH, KW]',
      'in bias f32[OC]?',
    ],
    parameters: 'conv2d',
    cut: 'own',
    jobs: { conv2dForwardPack: { scratch: true }, conv2dForward: { scratch: true } },
  },
  /**
   * conv2d, an activation and maxPool2d in one: the bits of the three one after another. Its job is
   * conv2d's. A program calls it in place of the three (program/join.ts).
   */
  conv2dJoined: {
    source: 'conv2d-forward',
    operands: [
      'out out f32[N, OC, OH, OW]?',
      'out pooled f32[N, OC, pooledH, pooledW]?',
      'out indices i32[N, OC, pooledH, pooledW]?',
      'in x f32[N, groups, C, H, W]',
      'in weight f32[OC, C, KH, KW]',
      'in bias f32[OC]?',
    ],
    parameters: 'conv2d',
    cut: 'own',
    jobs: {},
  },
  conv2dBackwardInput: {
    source: 'conv2d-backward-input',
    operands: [
      'out dX f32[N, groups, C, H, W]',
      'in dOut f32[N, OC, OH, OW]',
      'in weight f32[OC, C, KH, KW]',
    ],
    parameters: 'conv2d',
    cut: 'own',
    jobs: { conv2dBackwardInputPack: { scratch: true }, conv2dBackwardInput: { scratch: true } },
  },
  /** conv2dBackwardInput and reluBackward in one, by the word `saved` of PARAMETERS.conv2d. */
  conv2dBackwardInputRelu: {
    source: 'conv2d-backward-input',
    operands: [
      'out dX f32[N, groups, C, H, W]',
      'in dOut f32[N, OC, OH, OW]',
      'in weight f32[OC, C, KH, KW]',
      'in saved f32[N, groups, C, H, W]',
    ],
    parameters: 'conv2d',
    cut: 'own',
    jobs: {},
  },
  conv2dBackwardWeight: {
    source: 'conv2d-backward-weight',
    operands: [
      'out dWeight f32[OC, C, KH, KW]',
      'out dBias f32[OC]?',
      'in x f32[N, groups, C, H, W]',
      'in dOut f32[N, OC, OH, OW]',
    ],
    parameters: 'conv2d',
    cut: 'own',
    jobs: {
      conv2dBackwardWeight: { scratch: true },
      conv2dBackwardWeightFinish: { scratch: false },
    },
  },
});
