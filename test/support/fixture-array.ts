/** Numbers from a fixture, widened to float64 (exactly: they are float32, float64 or integers). */
export interface FixtureArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What all cases of an optimiser share: the parameters, and the gradients that they are given. */
export interface SgdHead {
  readonly parameters: Readonly<
    Record<
      string,
      {
        readonly initial: FixtureArray;
        /** The step of its first gradient; before, it has none. */
        readonly firstGradient: number;
        /** [steps, ...shape] */
        readonly gradients: FixtureArray;
      }
    >
  >;
}
