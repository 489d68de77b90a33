// Declarations name Symbol.dispose, which TypeScript's default libraries lack up to ES2025.
/// <reference lib="esnext.disposable" preserve="true" />

export { defineFunction, Context } from './autograd/function.js';
export type { FunctionDefinition } from './autograd/function.js';
export { grad, type GradOptions } from './autograd/grad.js';
export { gradcheck, gradgradcheck, type GradcheckOptions } from './autograd/gradcheck.js';
export { Scope, unscoped, type Scoped } from './memory/scope.js';
export { Tape, type BackwardOptions, type Gradients } from './autograd/tape.js';
export { arange, full, ones, rand, randn, tensor, zeros } from './creation.js';
export type { RandomOptions, TensorOptions } from './creation.js';
export { disposeSymbol } from './dispose-symbol.js';
export type { DType } from './dtype.js';
export { configureEngine, engine, kernelsFor } from './engine/engine.js';
export type { Engine } from './engine/engine.js';
export type { EngineOptions, KernelSet, SimdWidth } from './engine/options.js';
export {
  ConfigError,
  DisposedError,
  DTypeError,
  EngineError,
  FileFormatError,
  ShapeError,
  TapeError,
  UnfoldError,
} from './errors.js';
export type { Attributes, JsonData } from './graph/attributes.js';
export type { Graph } from './graph/graph.js';
export type { GraphNode } from './graph/node.js';
export { trace, type Traceable } from './graph/trace.js';
export type { Value, ValueKind } from './graph/value.js';
export type { DeviceBuffer, ElementType } from './kernels/buffer.js';
export type * from './kernels/contract.js';
export * from './ops/index.js';
export { compile, type Compilable, type Compiled, type CompileOptions } from './program/compile.js';
export type { ProgramStats } from './program/program.js';
export { profile, type Profile, type ProfileRow } from './profile.js';
export { Generator, generator, manualSeed, rngState, setRngState } from './random.js';
export type { GeneratorState, RngState } from './random.js';
export { formatShape, sizeOf, type Shape } from './shape.js';
export { findLeaks, heapStats, type HeapStats, type Leak } from './memory/storage.js';
export { bufferOf, elementsOf, empty, Parameter, Tensor, type NestedArray } from './tensor.js';
export type { CompleteOptions, OptionRule, OptionRules } from './options.js';
