// Declarations name Symbol.dispose, which TypeScript's default libraries lack up to ES2025.
/// <reference lib="esnext.disposable" preserve="true" />

export { defineFunction, Context } from './autograd/function.js';
export type { FunctionDefinition } from './autograd/function.js';
export { grad, type GradOptions } from './autograd/grad.js';
export { gradcheck, gradgradcheck, type GradcheckOptions } from './autograd/gradcheck.js';
export { Scope, unscoped, type Scoped } from './memory/scope.js';
export { Tape, type BackwardOptions, type Gradients } from './autograd/tape.js';
export {
  arange,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  tensor,
  zeros,
  zerosLike,
  type DTypeOf,
  type TensorOptions,
} from './creation.js';
export { disposeSymbol } from './dispose-symbol.js';
export type { ArrayTypes, DType } from './dtype.js';
export { configureEngine, engine, kernelsFor } from './engine/engine.js';
export { moreKernelsFor } from './engine/more.js';
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
export type { ModuleCall } from './graph/module-call.js';
export { trace, type Traceable } from './graph/trace.js';
export type { Value, ValueKind } from './graph/value.js';
export type { DeviceBuffer, ElementType } from './kernels/buffer.js';
export type * from './kernels/contract.js';
export * from './ops/index.js';
export { compile, type Compilable, type Compiled, type CompileOptions } from './program/compile.js';
export type { ProgramStats } from './program/program.js';
export { profile, type Profile, type ProfileRow } from './profile.js';
export {
  bernoulli,
  multinomial,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  type BernoulliOptions,
  type MultinomialOptions,
  type RandomOptions,
} from './random-creation.js';
export { Generator, generator, manualSeed, rngState, setRngState } from './random.js';
export type { GeneratorState, RngState } from './random.js';
export { formatShape, sizeOf, type Shape } from './shape.js';
export { findLeaks, heapStats, type HeapStats, type Leak } from './memory/storage.js';
export { bufferOf, elementsOf, empty, Parameter, Tensor, type NestedArray } from './tensor.js';
export type { CompleteOptions, OptionRule, OptionRules } from './options.js';
