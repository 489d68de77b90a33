import { BINARY, GRADIENT, part, table, UNARY } from './kernels.js';

/*
 * The kernels of the second binary, by rows as those of kernels.js: functions of single elements
 * beyond ReLU, softmax, normalisation, losses, random numbers, updates, and whatever else is not
 * needed by a network of convolutions and products alone. A bundle has them, their loops and their
 * binary if it uses one of them, and else nothing of all that: operations reach them by
 * `moreKernelsFor` (engine/more.ts), and nothing that every program imports may import this file.
 */

const FUNCTION = part({ ...UNARY, source: 'functions' });

const FUNCTION_GRADIENT = part({ ...GRADIENT, source: 'functions' });

const UNIT = part({ ...UNARY, source: 'units' });

const UNIT_GRADIENT = part({ ...GRADIENT, source: 'units' });

const POINTWISE = part({ ...UNARY, source: 'pointwise' });

const QUOTIENT = part({ ...BINARY, source: 'quotients' });

const EXTREME = part({ ...BINARY, source: 'extremes' });

const COMPARISON = part({
  ...BINARY,
  source: 'comparisons',
  operands: ['out out u8[shape]', 'in a f32[shape by aStrides]', 'in b f32[shape by bStrides]'],
});

/** On truth values: bytes that are 0 for false and anything else for true. */
const LOGIC = part({
  source: 'logic',
  operands: ['out out u8[shape]', 'in a u8[shape by aStrides]', 'in b u8[shape by bStrides]'],
  parameters: 'broadcast',
  cut: 'walk',
});

const SCATTER = part({
  source: 'along',
  operands: [
    'inout out f32[outer, n, inner]',
    'in src f32[outer, count, inner]',
    'in index i32[outer, count, inner]',
  ],
  parameters: 'index',
  work: 'src',
  cut: ['outer', 'inner as width'],
});

const SCAN = part({
  source: 'scans',
  operands: ['out out f32[outer, n, inner]', 'in x f32[outer, n, inner]'],
  parameters: 'scan',
  cut: ['outer', 'inner as width'],
});

const BY_ROWS = part({
  source: 'softmax',
  operands: ['out out f32[rows, n]', 'in x f32[rows, n]'],
  parameters: 'rows',
  cut: ['rows'],
});

const BY_ROWS_BACKWARD = part({
  ...BY_ROWS,
  operands: ['out dX f32[rows, n]', 'in dOut f32[rows, n]', 'in out f32[rows, n]'],
});

export const MORE_KERNELS = table({
  // --- Elementwise, one input. Write; `out` may be `x`. ---
  exp: FUNCTION,
  log: FUNCTION,
  sqrt: FUNCTION,
  abs: FUNCTION,
  sigmoid: FUNCTION,
  tanh: FUNCTION,
  /** x·Φ(x), exact (by erf), as PyTorch's default; at ±∞ its limits, ∞ and 0. */
  gelu: FUNCTION,
  /** min(max(x, min), max); NaN stays NaN. The bounds may be infinite. */
  clamp: { ...FUNCTION, parameters: { min: 'f32', max: 'f32' } },
  /** x·min(max(x + 3, 0), 6)/6; at ±∞ its limits, ∞ and 0. */
  hardswish: UNIT,
  /** x where x > 0, else alpha·(eˣ - 1). */
  elu: { ...UNIT, parameters: { alpha: 'f32' } },
  /** x·tanh(ln(1 + eˣ)); at ±∞ its limits, ∞ and 0. */
  mish: UNIT,
  floor: POINTWISE,
  ceil: POINTWISE,
  /** To the nearest whole number, the even one of two. */
  round: POINTWISE,
  trunc: POINTWISE,
  /** -1, 0 or 1; 0 at NaN. */
  sign: POINTWISE,
  /** NaN at ±∞, as cos and tan. */
  sin: POINTWISE,
  cos: POINTWISE,
  tan: POINTWISE,
  /** NaN beyond ±1, as acos. */
  asin: POINTWISE,
  acos: POINTWISE,
  atan: POINTWISE,
  sinh: POINTWISE,
  cosh: POINTWISE,
  erf: POINTWISE,
  /** ln(1 + x), without the loss of precision near 0: -∞ at -1, NaN below. */
  log1p: POINTWISE,
  /** eˣ - 1, without the loss of precision near 0. */
  expm1: POINTWISE,
  log2: POINTWISE,
  log10: POINTWISE,

  // --- Their gradients. Write; `dX` may be `dOut`. ---
  /** dOut·saved·(1-saved), `saved` being sigmoid's result. */
  sigmoidBackward: FUNCTION_GRADIENT,
  /** dOut·(1-saved²), `saved` being tanh's result. */
  tanhBackward: FUNCTION_GRADIENT,
  /** dOut·(Φ(saved) + saved·φ(saved)), `saved` being the input; at ±∞ the factor is 1 and 0. */
  geluBackward: FUNCTION_GRADIENT,
  /** dOut·sign(saved), the sign of 0 and of NaN being 0; `saved` is the input. */
  absBackward: FUNCTION_GRADIENT,
  /** dOut / (2·saved), `saved` being sqrt's result. */
  sqrtBackward: FUNCTION_GRADIENT,
  /**
   * dOut where min ≤ saved ≤ max, else 0, also at NaN: the bounds themselves pass the gradient. `saved`
   * is the input.
   */
  clampBackward: { ...FUNCTION_GRADIENT, parameters: { min: 'f32', max: 'f32' } },
  /** dOut where 0 < saved < 6, else 0, also at NaN; `saved` is the result of min(max(x, 0), 6). */
  relu6Backward: UNIT_GRADIENT,
  /** dOut·(saved/3 + ½), 0 from -3 down and dOut from 3 up; `saved` is the input. */
  hardswishBackward: UNIT_GRADIENT,
  /** dOut where saved > 0, else dOut·alpha·e^saved; `saved` is the input. */
  eluBackward: { ...UNIT_GRADIENT, parameters: { alpha: 'f32' } },
  /** dOut times the derivative of mish at `saved`, the input: 1 and 0 at ±∞. */
  mishBackward: UNIT_GRADIENT,

  // --- Elementwise, two broadcast inputs. Write; `out` may be an input that is not broadcast. ---
  /** a to the power of b, as C's `pow`: pow(x, 0) = 1, pow(1, y) = 1, also for NaN. */
  pow: { ...BINARY, source: 'power' },
  /** The angle of the point (b, a), from -π to π, the signs of zeros included. */
  atan2: QUOTIENT,
  /** a - ⌊a/b⌋·b: NaN where b is 0 or a is infinite. */
  remainder: QUOTIENT,
  /** ⌊a/b⌋: a/b where b is 0, else NaN where a is infinite. */
  floorDivide: QUOTIENT,
  /** The larger; NaN if either is NaN. */
  maximum: EXTREME,
  /** The smaller; NaN if either is NaN. */
  minimum: EXTREME,
  /** 1 where a equals b, else 0; NaN equals nothing. */
  eq: COMPARISON,
  lt: COMPARISON,
  gt: COMPARISON,
  /** 1 where a is another number than b, or either is NaN. */
  ne: COMPARISON,
  ge: COMPARISON,
  logicalAnd: LOGIC,
  logicalOr: LOGIC,
  logicalXor: LOGIC,

  // --- Rows by their numbers ---
  indexSelect: {
    source: 'indexing',
    operands: [
      'out out f32[outer, count, inner]',
      'in x f32[outer, n, inner]',
      'in index i32[count]',
    ],
    parameters: 'index',
    cut: ['outer', 'count'],
  },
  indexAdd: {
    source: 'indexing',
    operands: [
      'inout dX f32[outer, n, inner]',
      'in dOut f32[outer, count, inner]',
      'in index i32[count]',
    ],
    parameters: 'index',
    work: 'dOut',
    cut: ['outer', 'inner as width'],
  },
  /**
   * out[o, j, i] = Σ shares[t, j]·x[o, index[t, j], i] over t = 0 and 1; a second share of 0 takes nothing,
   * of NaN either.
   */
  resample: {
    source: 'resampling',
    operands: [
      'out out f32[outer, count, inner]',
      'in x f32[outer, n, inner]',
      'in index i32[2, count]',
      'in shares f32[2, count]',
    ],
    parameters: 'index',
    cut: ['outer', 'inner as width'],
  },
  /** dX[o, index[t, j], i] += shares[t, j]·dOut[o, j, i]: the transpose. */
  resampleBackward: {
    source: 'resampling',
    operands: [
      'inout dX f32[outer, n, inner]',
      'in dOut f32[outer, count, inner]',
      'in index i32[2, count]',
      'in shares f32[2, count]',
    ],
    parameters: 'index',
    work: 'dOut',
    cut: ['outer', 'inner as width'],
  },
  gatherAlong: {
    source: 'along',
    operands: [
      'out out f32[outer, count, inner]',
      'in x f32[outer, n, inner]',
      'in index i32[outer, count, inner]',
    ],
    parameters: 'index',
    cut: ['outer', 'count'],
  },
  scatterAlong: SCATTER,
  scatterAddAlong: SCATTER,

  // --- Reductions ---
  prod: {
    source: 'products',
    operands: ['out out f32[outer, inner]', 'in x f32[outer, n, inner]'],
    parameters: 'reduce',
    work: 'x',
    cut: ['outer', 'inner as width'],
  },

  // --- Scans and order ---
  cumsum: SCAN,
  cumprod: SCAN,
  recurrence: {
    ...SCAN,
    operands: [
      'out out f32[outer, n, inner]',
      'in factor f32[outer, n, inner]',
      'in x f32[outer, n, inner]',
    ],
  },
  sortRows: {
    source: 'order',
    operands: ['out values f32[rows, n]', 'out indices i32[rows, n]', 'in x f32[rows, n]'],
    parameters: 'order',
    cut: ['rows'],
  },

  // --- Reductions ---
  sumOfSquares: {
    source: 'squares',
    operands: ['out sum f64[1]', 'in x f32[n]'],
    parameters: 'squares',
    cut: 'none',
  },
  softmax: BY_ROWS,
  logSoftmax: BY_ROWS,
  softmaxBackward: BY_ROWS_BACKWARD,
  logSoftmaxBackward: BY_ROWS_BACKWARD,

  // --- Normalisation, by `statistics`: mean, variance and 1/√(variance + eps) ---
  moments: {
    source: 'normalisation',
    operands: ['out statistics f32[3, channels]', 'in x f32[outer, channels, inner]'],
    parameters: 'moments',
    work: 'x',
    cut: ['channels as width'],
  },
  normalise: {
    source: 'normalisation',
    operands: [
      'out out f32[outer, channels, inner]',
      'in x f32[outer, channels, inner]',
      'in statistics f32[3, channels]',
      'in weight f32[channels]',
      'in bias f32[channels]',
    ],
    parameters: 'channels',
    cut: ['channels as width'],
  },
  trackMoments: {
    source: 'normalisation',
    operands: [
      'inout batches i32[1]',
      'inout mean f32[channels]',
      'inout variance f32[channels]',
      'in statistics f32[3, channels]',
    ],
    parameters: 'running',
    cut: 'none',
  },
  normaliseSums: {
    source: 'normalisation',
    operands: [
      'out dWeight f32[channels]',
      'out dBias f32[channels]',
      'out factors f32[3, channels]',
      'in dOut f32[outer, channels, inner]',
      'in x f32[outer, channels, inner]',
      'in statistics f32[3, channels]',
      'in weight f32[channels]',
    ],
    parameters: 'channels',
    work: 'x',
    cut: ['channels as width'],
  },
  normaliseBackward: {
    source: 'normalisation',
    operands: [
      'out dX f32[outer, channels, inner]',
      'in dOut f32[outer, channels, inner]',
      'in x f32[outer, channels, inner]',
      'in statistics f32[3, channels]',
      'in factors f32[3, channels]',
    ],
    parameters: 'channels',
    cut: ['channels as width'],
  },
  layerNorm: {
    source: 'normalisation',
    operands: [
      'out out f32[rows, n]',
      'out statistics f32[3, rows]',
      'in x f32[rows, n]',
      'in weight f32[n]',
      'in bias f32[n]',
    ],
    parameters: 'layerNorm',
    cut: ['rows as width'],
  },
  layerNormBackward: {
    source: 'normalisation',
    operands: [
      'out dX f32[rows, n]',
      'in dOut f32[rows, n]',
      'in x f32[rows, n]',
      'in statistics f32[3, rows]',
      'in weight f32[n]',
    ],
    parameters: 'rows',
    cut: ['rows as width'],
  },
  layerNormSums: {
    source: 'normalisation',
    operands: [
      'out dWeight f32[n]',
      'out dBias f32[n]',
      'in dOut f32[rows, n]',
      'in x f32[rows, n]',
      'in statistics f32[3, rows]',
    ],
    parameters: 'rows',
    work: 'x',
    cut: ['n as width'],
  },

  // --- Recurrent cells, behind their products with the input and the state; `before` is the old state ---
  gruCell: {
    source: 'recurrent',
    operands: [
      'out h f32[rows, n]',
      'out gates f32[rows, 4, n]',
      'in fromX f32[rows, 3, n]',
      'in fromH f32[rows, 3, n]',
      'in before f32[rows, n]',
    ],
    parameters: 'rows',
    work: 'gates',
    cut: ['rows'],
  },
  gruCellBackward: {
    source: 'recurrent',
    operands: [
      'out dFromX f32[rows, 3, n]',
      'out dFromH f32[rows, 3, n]',
      'inout dBefore f32[rows, n]',
      'in dH f32[rows, n]',
      'in gates f32[rows, 4, n]',
      'in before f32[rows, n]',
    ],
    parameters: 'rows',
    work: 'gates',
    cut: ['rows'],
  },
  lstmCell: {
    source: 'recurrent',
    operands: [
      'out h f32[rows, n]',
      'out c f32[rows, n]',
      'out gates f32[rows, 4, n]',
      'in fromX f32[rows, 4, n]',
      'in fromH f32[rows, 4, n]',
      'in before f32[rows, n]',
    ],
    parameters: 'rows',
    work: 'gates',
    cut: ['rows'],
  },
  lstmCellBackward: {
    source: 'recurrent',
    operands: [
      'out dGates f32[rows, 4, n]',
      'inout dC f32[rows, n]',
      'in dH f32[rows, n]',
      'in gates f32[rows, 4, n]',
      'in c f32[rows, n]',
      'in before f32[rows, n]',
    ],
    parameters: 'rows',
    work: 'gates',
    cut: ['rows'],
  },

  // --- Random numbers: `state` is the four words of a generator (xoshiro.ts), which move on ---
  drawMask: {
    source: 'random',
    operands: ['out mask u8[n]', 'inout state i32[4]'],
    parameters: 'mask',
    cut: 'none',
  },

  // --- Loss and update ---
  crossEntropy: {
    source: 'training',
    operands: ['out out f32[N]', 'in logProbs f32[N, C]', 'in labels i32[N]'],
    parameters: 'crossEntropy',
    work: 'logProbs',
    cut: ['N'],
  },
  crossEntropyBackward: {
    source: 'training',
    operands: ['out dX f32[N, C]', 'in dOut f32[N]', 'in logProbs f32[N, C]', 'in labels i32[N]'],
    parameters: 'crossEntropy',
    cut: ['N'],
  },
  sgdStep: {
    source: 'training',
    operands: ['inout param f32[n]', 'inout velocity f32[n]', 'in grad f32[n]'],
    parameters: 'sgd',
    cut: ['n'],
  },
  /** x += weight·(end - x), in place. */
  lerp: {
    source: 'training',
    operands: ['inout x f32[n]', 'in end f32[n]'],
    parameters: { weight: 'f32' },
    cut: ['n'],
  },
  adamStep: {
    source: 'training',
    operands: [
      'inout param f32[n]',
      'inout expAvg f32[n]',
      'inout expAvgSq f32[n]',
      'inout maxExpAvgSq f32[n]',
      'in grad f32[n]',
    ],
    parameters: 'adam',
    cut: ['n'],
  },
});
