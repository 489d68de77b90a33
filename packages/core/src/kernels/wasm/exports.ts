/** A byte address in the engine's memory. */
type Address = number;

type Unary = (out: Address, x: Address, n: number) => void;
type UnaryBackward = (dX: Address, dOut: Address, saved: Address, n: number) => void;
/** `block`: shape and strides, with room for the walk's own counters (assembly/walk.ts). */
type Broadcast = (out: Address, a: Address, b: Address, block: Address, rank: number) => void;
type Select = (
  out: Address,
  indices: Address,
  x: Address,
  outer: number,
  n: number,
  inner: number,
) => void;
type IndexMove = (
  out: Address,
  x: Address,
  index: Address,
  outer: number,
  n: number,
  inner: number,
  count: number,
) => void;
type Rows = (out: Address, x: Address, rows: number, n: number) => void;
type RowsBackward = (dX: Address, dOut: Address, out: Address, rows: number, n: number) => void;
/** `geometry`: the integers of a WindowGeometry (assembly/window.ts). */
type WindowMove = (out: Address, x: Address, geometry: Address) => void;
type Pool = (a: Address, b: Address, c: Address, geometry: Address) => void;

/** `block`: the integers and addresses of Conv in assembly/conv2d.ts. */
type ConvStep = (block: Address) => void;
type ConvSize = (block: Address) => number;
type ConvPart = (block: Address, part: number, scratch: Address) => void;

/** What a compiled binary exports; the sources in `assembly/` say what each does. */
export interface WasmExports {
  readonly staticEnd: () => Address;
  /** 8 or 16 columns in a tile of the products. */
  readonly setTileWidth: (columns: number) => void;

  /** Jobs: see assembly/parallel.ts. */
  readonly runParts: (kernel: number, block: Address, parts: number, scratch: Address) => void;
  readonly controlBytes: (threads: number) => number;
  /** A worker's life: returns when it is told to leave. */
  readonly serve: (control: Address, thread: number, spins: number) => void;
  readonly runJob: (
    control: Address,
    kernel: number,
    block: Address,
    parts: number,
    scratch: Address,
    stride: number,
    spins: number,
  ) => number;
  readonly awaitJob: (control: Address, nanoseconds: number) => number;
  readonly abandonJob: (control: Address) => number;
  readonly failures: (control: Address) => number;
  readonly fail: (control: Address) => void;
  readonly stop: (control: Address) => void;
  readonly pauses: (control: Address, times: number) => void;

  readonly neg: Unary;
  readonly exp: Unary;
  readonly log: Unary;
  readonly sqrt: Unary;
  readonly abs: Unary;
  readonly relu: Unary;
  readonly leakyRelu: (out: Address, x: Address, n: number, slope: number) => void;
  readonly sigmoid: Unary;
  readonly tanh: Unary;
  readonly gelu: Unary;
  readonly clamp: (out: Address, x: Address, n: number, low: number, high: number) => void;

  readonly reluBackward: UnaryBackward;
  readonly leakyReluBackward: (
    dX: Address,
    dOut: Address,
    x: Address,
    n: number,
    slope: number,
  ) => void;
  readonly sigmoidBackward: UnaryBackward;
  readonly tanhBackward: UnaryBackward;
  readonly geluBackward: UnaryBackward;
  readonly absBackward: UnaryBackward;
  readonly sqrtBackward: UnaryBackward;
  readonly clampBackward: (
    dX: Address,
    dOut: Address,
    x: Address,
    n: number,
    low: number,
    high: number,
  ) => void;

  readonly add: Broadcast;
  readonly sub: Broadcast;
  readonly mul: Broadcast;
  readonly div: Broadcast;
  readonly pow: Broadcast;
  readonly maximum: Broadcast;
  readonly minimum: Broadcast;
  readonly eq: Broadcast;
  readonly lt: Broadcast;
  readonly gt: Broadcast;
  readonly where: (
    out: Address,
    condition: Address,
    a: Address,
    b: Address,
    block: Address,
    rank: number,
  ) => void;

  readonly fill: (out: Address, n: number, value: number) => void;
  readonly copyStrided: (out: Address, x: Address, block: Address, rank: number) => void;
  readonly indexSelect: IndexMove;
  readonly indexAdd: IndexMove;

  readonly sum: (out: Address, x: Address, outer: number, n: number, inner: number) => void;
  readonly max: Select;
  readonly min: Select;
  readonly selectBackward: Select;
  readonly softmax: Rows;
  readonly logSoftmax: Rows;
  readonly softmaxBackward: RowsBackward;
  readonly logSoftmaxBackward: RowsBackward;

  /** `block`: see Product in assembly/matmul.ts; each says what it needs there. */
  readonly matmulPlan: (block: Address) => number;
  readonly matmulSlab: (block: Address) => number;
  readonly matmulPackedBytes: (block: Address, slab: number) => number;
  readonly matmulPackParts: (block: Address) => number;
  readonly matmulScratchBytes: () => number;

  readonly unfold: WindowMove;
  readonly fold: WindowMove;
  readonly maxPool2d: Pool;
  readonly maxPool2dBackward: Pool;

  readonly conv2dForwardParts: ConvSize;
  readonly conv2dForwardSharedBytes: ConvSize;
  readonly conv2dForwardScratchBytes: ConvSize;
  readonly conv2dForwardPrepare: ConvStep;
  readonly conv2dForwardPackParts: ConvSize;
  readonly conv2dForwardPart: ConvPart;
  readonly conv2dBackwardInputParts: ConvSize;
  readonly conv2dBackwardInputSharedBytes: ConvSize;
  readonly conv2dBackwardInputScratchBytes: ConvSize;
  readonly conv2dBackwardInputPrepare: ConvStep;
  readonly conv2dBackwardInputPackParts: ConvSize;
  readonly conv2dBackwardInputPart: ConvPart;
  readonly conv2dBackwardWeightParts: ConvSize;
  readonly conv2dBackwardWeightSharedBytes: ConvSize;
  readonly conv2dBackwardWeightScratchBytes: ConvSize;
  readonly conv2dBackwardWeightPrepare: ConvStep;
  readonly conv2dBackwardWeightPart: ConvPart;
  readonly conv2dBackwardWeightFinishParts: ConvSize;

  readonly crossEntropy: (
    out: Address,
    logProbs: Address,
    labels: Address,
    N: number,
    C: number,
    atLabel: number,
    everywhere: number,
  ) => void;
  readonly crossEntropyBackward: (
    dX: Address,
    dOut: Address,
    logProbs: Address,
    labels: Address,
    N: number,
    C: number,
    atLabel: number,
    everywhere: number,
  ) => void;
  readonly sgdPlainStep: (
    param: Address,
    grad: Address,
    n: number,
    lr: number,
    weightDecay: number,
  ) => void;
  readonly sgdMomentumStep: (
    param: Address,
    velocity: Address,
    grad: Address,
    n: number,
    lr: number,
    weightDecay: number,
    momentum: number,
    undamped: number,
    nesterov: number,
    first: number,
  ) => void;
  readonly adamStep: (block: Address) => void;
}
