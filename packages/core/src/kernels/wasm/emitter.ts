import { EngineError } from '../../errors.js';
import { RESERVED_BYTES } from '../../memory/heap.js';
import { DeviceBuffer } from '../buffer.js';
import type {
  Conv2dGeometry,
  Conv2dJoinedGeometry,
  Epilogue,
  KernelName,
  MatmulGeometry,
  MatmulJoinedGeometry,
} from '../contract.js';
import { PARAMETERS } from '../table/kernels.js';
import { FIRST_PARAMETER, parametersOf, placesOf } from '../table/layout.js';
import type { Binding, Bindings } from './bindings.js';
import {
  CONV2D_ADDRESSES,
  conv2dStages,
  prepareConv2d,
  writeConv2d,
  writeEpilogue,
  writeSaved,
} from './conv2d.js';
import { cutOf } from './cut.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { WALK_BYTES } from './launch.js';
import { MATMUL_ADDRESSES, matmulCutter, PLAIN } from './matmul.js';

/** A job of a kernel call, cut into parts, whose arguments lie in a block. */
export interface Launch {
  readonly job: number;
  readonly parts: number;
  readonly scratchBytes: number;
  /**
   * The operands, by their numbers, that this launch makes something of which is kept: as long as they
   * hold what they held, it need not be done again. Null for all other launches.
   */
  readonly keeps: readonly number[] | null;
}

/** The word of a block that says where an operand lies. */
export interface Place {
  readonly word: number;
  /** The operand's number in the call. */
  readonly operand: number;
  /** Bytes from the operand's beginning. */
  readonly offset: number;
}

/** The arguments of some launches, one after another. */
export interface Block {
  readonly words: Int32Array;
  readonly places: readonly Place[];
  readonly launches: readonly Launch[];
}

/** Gives a program memory of its own, by its address. */
export type Keep = (bytes: number) => number;

/** Writes kernel calls down instead of performing them. */
export interface Emitter {
  /** The launches of a call; `options` are those of the contract, which are checked already. */
  emit(
    kernel: KernelName,
    operands: readonly (DeviceBuffer | null)[],
    options: unknown,
    keep: Keep,
  ): readonly Block[];
  /** Whether a convolution can pool its results while it computes them. */
  canPool(geometry: Conv2dJoinedGeometry): boolean;
  /** Writes other options of a call into its block, which lies at `words`. */
  rewrite(kernel: KernelName, words: Int32Array, options: unknown, n: number): void;
}

/** Whether something is done with the results. */
function isJoined<G extends object>(geometry: G): geometry is G & Extract<G, Epilogue> {
  return 'activation' in geometry;
}

interface StageOf {
  readonly stage: 'forward' | 'backwardInput' | 'backwardWeight';
  /**
   * The numbers of the operands that the stage knows as out, x, weight, bias, pooled, indices and
   * saved.
   */
  readonly order: readonly (number | null)[];
  /** Those that its packing reads. */
  readonly keeps: readonly number[] | null;
}

type Conv2dKernel =
  | 'conv2d'
  | 'conv2dJoined'
  | 'conv2dBackwardInput'
  | 'conv2dBackwardInputRelu'
  | 'conv2dBackwardWeight';

function isConv2d(kernel: KernelName): kernel is Conv2dKernel {
  return Object.hasOwn(STAGES, kernel);
}

/** dX, dOut and relu's result, by their numbers, and what the mirrored convolution knows them as. */
const MIRRORED = [
  [0, 0],
  [1, 1],
  [3, 6],
] as const;

const STAGES: Readonly<Record<Conv2dKernel, StageOf>> = {
  conv2d: { stage: 'forward', order: [0, 1, 2, 3], keeps: [2, 3] },
  conv2dJoined: { stage: 'forward', order: [0, 3, 4, 5, 1, 2], keeps: [4, 5] },
  conv2dBackwardInput: { stage: 'backwardInput', order: [1, 0, 2, null], keeps: [2] },
  conv2dBackwardInputRelu: {
    stage: 'backwardInput',
    order: [1, 0, 2, null, null, null, 3],
    keeps: [2],
  },
  conv2dBackwardWeight: { stage: 'backwardWeight', order: [3, 2, 0, 1], keeps: null },
};

const { rank: RANK } = placesOf(PARAMETERS.broadcast);

/**
 * @param frame The one of the kernels that run at once: no call is under way while one is written.
 * @param bindings Those of the kernels that run: more may come while programs are written.
 */
export function createEmitter(wasm: WasmExports, frame: Frame, bindings: Bindings): Emitter {
  const stages = conv2dStages(wasm);
  const productWords = FIRST_PARAMETER + wasm.matmulParametersBytes() / 4;
  const cutProduct = matmulCutter(wasm, frame);

  /** A block of the frame's words, in which the operands' addresses stand at `words`. */
  const blockOf = (
    length: number,
    addressWords: readonly (number | null)[],
    operands: readonly (DeviceBuffer | null)[],
    launches: readonly Launch[],
  ): Block => {
    const words = frame.block.slice(0, length);
    const places: Place[] = [];
    addressWords.forEach((word, operand) => {
      const buffer = operands[operand];
      if (word === null || !buffer) return;
      // Above 2 GiB, an address is a negative word.
      places.push({ word, operand, offset: (words[word] >>> 0) - buffer.address });
    });
    return { words, places, launches };
  };

  const conv2d = (
    kernel: Conv2dKernel,
    operands: readonly (DeviceBuffer | null)[],
    geometry: Conv2dGeometry | Conv2dJoinedGeometry,
    keep: Keep,
  ): Block => {
    const { order, keeps, stage: name } = STAGES[kernel];
    const stage = stages[name];
    const [out = null, x, weight, bias = null, pooled = null, indices = null, saved = null] =
      order.map((operand) => (operand === null ? null : (operands[operand] ?? null)));
    if (!x || !weight) throw new EngineError(`${kernel}: an operand is missing`);
    writeConv2d(frame, geometry, out, x, weight, bias);
    if (isJoined(geometry)) writeEpilogue(frame, geometry, pooled, indices);
    if (saved) writeSaved(frame, saved);
    const { parametersAddress } = frame;
    prepareConv2d(frame, stage, keep(stage.sharedBytes(parametersAddress)));
    const scratchBytes = stage.scratchBytes(parametersAddress);
    const launches: Launch[] = [];
    const add = (
      { number, parts }: { number: number; parts(parameters: number): number },
      scratchBytes: number,
      keeps: Launch['keeps'] = null,
    ) => launches.push({ job: number, parts: parts(parametersAddress), scratchBytes, keeps });
    if (stage.before) add(stage.before, scratchBytes, keeps);
    add(stage, scratchBytes);
    if (stage.after) add(stage.after, 0);
    // The gradient by x may be the convolution of a mirrored one, whose parameters follow, with dX for
    // out and dOut for x.
    const { parameterWords } = stages;
    const mirror = FIRST_PARAMETER + parameterWords;
    const addresses = operands.map(
      (_, operand) => CONV2D_ADDRESSES[order.indexOf(operand)] ?? null,
    );
    const block = blockOf(mirror + parameterWords, addresses, operands, launches);
    if (name !== 'backwardInput') return block;
    const places = [...block.places];
    for (const [operand, place] of MIRRORED) {
      const word = parameterWords + (CONV2D_ADDRESSES[place] ?? 0);
      const isThere = block.words[word] >>> 0 === operands[operand]?.address;
      if (isThere) places.push({ word, operand, offset: 0 });
    }
    return { ...block, places };
  };

  const matmul = (
    operands: readonly (DeviceBuffer | null)[],
    geometry: MatmulGeometry | MatmulJoinedGeometry,
    keep: Keep,
  ): readonly Block[] => {
    const [out, a, b, bias = null] = operands;
    const epilogue = isJoined(geometry) ? geometry : PLAIN;
    if (!out || !a || !b) throw new EngineError('matmul: an operand is missing');
    const blocks: Block[] = [];
    cutProduct(out, a, b, bias, geometry, epilogue, {
      workspace: keep,
      take(job, parts, scratchBytes) {
        const launches = [{ job, parts, scratchBytes, keeps: null }];
        blocks.push(blockOf(productWords, MATMUL_ADDRESSES, operands, launches));
      },
    });
    return blocks;
  };

  const bindingOf = (kernel: KernelName): Binding => {
    const binding = bindings.get(kernel);
    if (!binding) throw new EngineError(`${kernel}: it is not cut as its row says`);
    return binding;
  };

  return {
    emit(kernel, operands, options, keep) {
      if (kernel === 'matmul' || kernel === 'matmulJoined') {
        return matmul(operands, options as MatmulGeometry, keep);
      }
      if (isConv2d(kernel)) return [conv2d(kernel, operands, options as Conv2dGeometry, keep)];
      const { row, number, write } = bindingOf(kernel);
      const { block } = frame;
      operands.forEach((operand, i) => (block[i] = operand === null ? 0 : operand.address));
      write(frame, options as never, operands[0]?.length ?? 0);
      const launch = {
        job: number,
        parts: cutOf(row)(block),
        scratchBytes: row.cut === 'walk' ? WALK_BYTES : 0,
        keeps: null,
      };
      const { end } = placesOf(parametersOf(row));
      // A walk's shape and strides lie behind its parameters.
      const length = row.cut === 'walk' ? end + block[RANK] * (operands.length + 1) : end;
      const words = operands.map((_, i) => i);
      return [blockOf(length, words, operands, [launch])];
    },

    canPool(geometry) {
      // Where operands lie says nothing of how the work is cut.
      const somewhere = new DeviceBuffer('float32', RESERVED_BYTES, 0);
      writeConv2d(frame, geometry, null, somewhere, somewhere, somewhere);
      writeEpilogue(frame, geometry, somewhere, null);
      return wasm.conv2dForwardCanPool(frame.parametersAddress) !== 0;
    },

    rewrite(kernel, words, options, n) {
      const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
      bindingOf(kernel).write({ block: words, floats }, options as never, n);
    },
  };
}
