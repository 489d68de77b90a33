/** A byte address in the engine's memory. */
type Address = number;

/** The products of a convolution, as jobs. */
export type ConvJob = 'conv2dForward' | 'conv2dBackwardInput' | 'conv2dBackwardWeight';
/** The jobs before or after one of them. */
export type ConvSideJob =
  'conv2dForwardPack' | 'conv2dBackwardInputPack' | 'conv2dBackwardWeightFinish';

type ConvSize = `${ConvJob}${'SharedBytes' | 'ScratchBytes'}` | `${ConvJob | ConvSideJob}Parts`;
type ConvPrepare = `${ConvJob}Prepare`;

/**
 * The exports of a compiled binary for TypeScript; the sources in `assembly/` say what each does.
 * Kernels are not called one by one: `runParts` and `runJob` pick them by their numbers in the
 * table.
 */
export interface WasmExports
  extends
    Readonly<Record<ConvSize, (parameters: Address) => number>>,
    Readonly<Record<ConvPrepare, (parameters: Address) => void>> {
  readonly staticEnd: () => Address;
  /** Its first place is for the second binary's `runPart`. */
  readonly table: { set(place: number, run: unknown): void };
  /** 8 or 16 columns in a tile of the products. */
  readonly setTileWidth: (columns: number) => void;

  /** Bytes of a convolution's parameters, with what its first functions set behind them. */
  readonly conv2dParametersBytes: () => number;

  /** Not 0 where the pooling that the block asks for can be done by conv2dForward's parts. */
  readonly conv2dForwardCanPool: (parameters: Address) => number;

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
  readonly runLaunches: (
    control: Address,
    list: Address,
    from: number,
    to: number,
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

  /** `parameters`: see Product in assembly/matmul.ts; each says what it needs there. */
  readonly matmulPlan: (parameters: Address) => number;
  readonly matmulSlab: (parameters: Address) => number;
  readonly matmulPackedBytes: (parameters: Address, slab: number) => number;
  readonly matmulPackParts: (parameters: Address) => number;
  /** Bytes of a product's parameters, with what its plan sets behind them. */
  readonly matmulParametersBytes: () => number;
  readonly matmulScratchBytes: () => number;
}
