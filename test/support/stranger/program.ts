/*
 * A program of somebody else's, which test/packages.slow.test.ts compiles in a project of its own
 * against the packed packages: no types of Node's or the browser's, no library past ES2022, and no
 * `using`. It prints nothing itself, since a console is one of the platform's things.
 */
import {
  add,
  bufferOf,
  ConfigError,
  configureEngine,
  defineFunction,
  engine,
  findLeaks,
  formatShape,
  Generator,
  gradcheck,
  heapStats,
  kernelsFor,
  moreKernelsFor,
  manualSeed,
  matmul,
  mul,
  Parameter,
  profile,
  randn,
  Scope,
  softmax,
  sum,
  Tape,
  tensor,
  UnfoldError,
  unscoped,
  zeros,
  type Context,
  type DeviceBuffer,
  type DType,
  type Engine,
  type EngineOptions,
  type FunctionDefinition,
  type GeneratorState,
  type GradcheckOptions,
  type Gradients,
  type HeapStats,
  type CoreKernels,
  type MoreKernels,
  type Leak,
  type NestedArray,
  type NumericArray,
  type Profile,
  type Scoped,
  type Shape,
  type Tensor,
  type TensorOptions,
} from '@unfold/core';
import {
  decodeSafetensors,
  encodeSafetensors,
  parseIdx,
  type IdxArray,
  type Safetensors,
  type WeightsMetadata,
} from '@unfold/io';
import {
  Conv2d,
  crossEntropy,
  CrossEntropyLoss,
  Flatten,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type Conv2dLayerOptions,
  type CrossEntropyOptions,
  type Layer,
  type LinearOptions,
  type MaxPool2dOptions,
  type Size2d,
  type StateDict,
} from '@unfold/nn';
import {
  accuracy,
  type BatchLoader,
  DataLoader,
  Dataset,
  type DatasetArrays,
  EarlyStopping,
  type EpochReport,
  evaluate,
  fit,
  type FitOptions,
  type FitResult,
  LambdaLR,
  linearDecay,
  type LoaderOptions,
  type Normalization,
  normalizationOf,
  randomSplit,
  SGD,
  type SGDOptions,
  type StopSignal,
} from '@unfold/train';

/** A user's own operation: x², with its gradient. */
const definition: FunctionDefinition<{ x: Tensor; factor: number }, [x: Tensor], Tensor> = {
  forward(ctx: Context<{ x: Tensor; factor: number }>, x: Tensor) {
    ctx.save({ x, factor: 2 });
    return mul(x, x);
  },
  backward(ctx, dOut): Gradients {
    return mul(dOut, mul(ctx.saved.x, ctx.saved.factor));
  },
};
const square = defineFunction('square', definition);

const kernelSize: Size2d = [3, 3];
const convolution: Conv2dLayerOptions = { padding: 'same', groups: 1, bias: true };
const pooling: MaxPool2dOptions = { stride: 2 };
const head: LinearOptions = { bias: false };

class Net extends Module {
  readonly body: Layer = new Sequential(
    new Conv2d(1, 4, kernelSize, convolution),
    new ReLU(),
    new MaxPool2d(2, pooling),
    new Flatten(),
  );
  readonly head = new Linear(4 * 3 * 4, 3, head);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x));
  }
}

/** Images of 6×8 whose class is the row that is bright. */
function digits(count: number): Dataset {
  const random = new Generator(5);
  const labels = Int32Array.from({ length: count }, () => random.integer(3));
  const images = new Uint8Array(count * 48);
  labels.forEach((label, i) => images.fill(255, i * 48 + label * 16, i * 48 + label * 16 + 8));
  const arrays: DatasetArrays = { images, labels, shape: [1, 6, 8], classes: 3 };
  return Dataset.fromArrays(arrays);
}

/** One step by hand: the tape's callback form in place of `using`. @returns The loss. */
function step(model: Layer, optimizer: SGD, images: Tensor, labels: Tensor): number {
  return Tape.run((tape) => {
    const options: CrossEntropyOptions = { reduction: 'mean', labelSmoothing: 0.1 };
    const loss = crossEntropy(model.forward(images), labels, options);
    optimizer.zeroGrad();
    tape.backward(loss);
    optimizer.step();
    return loss.item();
  });
}

async function train(): Promise<string[]> {
  manualSeed(1);
  const [training, validation] = randomSplit(digits(60), [0.8, 0.2], { seed: 1 });
  if (!training || !validation) throw new ConfigError('program: expected two parts');
  const normalization: Normalization = normalizationOf(training);
  const options: LoaderOptions = { batchSize: 16, shuffle: true, seed: 2, normalization };
  const loader: BatchLoader = new DataLoader(training, options);
  const model = new Net();
  const settings: SGDOptions = { lr: 0.05, momentum: 0.9 };
  const optimizer = new SGD(model.parameters(), settings);
  const losses: number[] = [];
  for await (const { images, labels } of loader)
    losses.push(step(model, optimizer, images, labels));

  const reports: EpochReport<'accuracy'>[] = [];
  const signal: StopSignal = { aborted: false, reason: null, throwIfAborted() {} };
  const checked = new DataLoader(validation, { batchSize: 12, normalization });
  const run: FitOptions<'accuracy'> = {
    optimizer,
    train: loader,
    validation: checked,
    epochs: 3,
    scheduler: { step: new LambdaLR(optimizer, (step) => linearDecay(step, 3 * loader.length)) },
    metrics: { accuracy },
    callbacks: [
      { onEpochEnd: (report) => void reports.push(report) },
      new EarlyStopping({ patience: 5 }),
    ],
    signal,
  };
  const result: FitResult<'accuracy'> = await fit(model, run);
  const { correct, total } = await evaluate(model, checked);

  const state: StateDict = model.stateDict();
  const copy = new Net();
  copy.loadStateDict(state);
  const names = [...copy.namedParameters()].map(
    ([name, { shape }]: [string, Parameter]) => `${name} ${formatShape(shape)}`,
  );
  return [
    names.join(', '),
    losses.map((loss) => loss.toFixed(4)).join(' '),
    `${result.finished}, ${result.history.length} epochs, ${correct} of ${total}`,
  ];
}

async function tensors(): Promise<string[]> {
  const dtype: DType = 'float64';
  const options: TensorOptions = { dtype, requiresGrad: true };
  const shape: Shape = [2, 3];
  const close: GradcheckOptions = { tolerance: 1e-6 };
  Scope.run(() => gradcheck((x) => square(x), [randn(shape, options)], close));

  const data: NestedArray = [
    [1, 2],
    [3, 4],
  ];
  const weight = new Parameter(unscoped(() => tensor(data)));
  const nested = Tape.run((tape) => {
    tape.backward(sum(square(matmul(weight, weight))));
    return weight.grad?.toArray();
  });
  const probabilities: NumericArray = Scope.run(() =>
    softmax(tensor([0, 0, 0, 0]), 0).toTypedArray(),
  );
  const kernels: CoreKernels = kernelsFor('float64');
  const more: MoreKernels = moreKernelsFor('float64');
  const out = zeros([2], { dtype: 'float64' });
  const negated: DeviceBuffer = bufferOf(out);
  more.abs(negated, bufferOf(tensor([1, -1], [2], { dtype: 'float64' })));
  kernels.neg(negated, negated);
  init.uniform(weight, { bound: 0.5, generator: new Generator(1, 'init') });

  const leaks: Leak[] = await findLeaks(() => {
    zeros([4]).keep();
  });
  const times: Profile = await profile(() => Scope.run(() => void add(zeros([2]), 1)));
  const stats: HeapStats = heapStats();
  const random: GeneratorState = new Generator(3).state();
  const scoped: Scoped = zeros([1]);
  scoped.dispose();

  let message = '';
  try {
    new CrossEntropyLoss().forward(zeros([2, 3]), zeros([4], { dtype: 'int32' }));
  } catch (error) {
    if (error instanceof UnfoldError) message = `${error.name}: ${error.message}`;
  }
  return [
    JSON.stringify(nested),
    [...probabilities, ...out.toTypedArray()].join(' '),
    `${leaks.map(({ origin, bytes }) => `${origin} ${bytes}`).join()}, ${stats.liveTensors > 0}`,
    `${times.rows.some(({ op }) => op === 'add')}, ${random.words.length} words`,
    message,
  ];
}

/** Weights and images as bytes. */
function bytes(): string {
  return Scope.run(() => {
    const state: StateDict = new Map([['a', tensor([1, 2, 3])]]);
    const metadata: WeightsMetadata = { by: 'a stranger' };
    const saved: Safetensors = decodeSafetensors(encodeSafetensors(state, metadata));
    const header = [0, 0, 8, 1, 0, 0, 0, 2];
    const { data }: IdxArray = parseIdx(Uint8Array.of(...header, 7, 9), { name: 'a' });
    const values = saved.state.get('a')?.toTypedArray() ?? [];
    return `${[...values].join(' ')} by ${saved.metadata['by'] ?? ''}, ${[...data].join(' ')}`;
  });
}

/** All of it. @returns What there is to print. */
export async function main(): Promise<string> {
  const wanted: EngineOptions = { threads: 2, strict: true };
  const started: Engine = await configureEngine(wanted);
  const { kernels, threads, warnings } = engine();
  const lines = [
    `${kernels}, ${threads} threads, ${warnings.length} warnings, ${started.kernels === kernels}`,
    ...(await tensors()),
    ...(await train()),
    bytes(),
  ];
  return lines.join('\n');
}
