/** What is said of the run that a view asks, in one line. */
export const RUN_TEXTS = {
  /** @param facts Such as `step 471`; at least one. */
  line: (name: string, network: string, facts: readonly string[]) =>
    `Run ${name}: ${network}, ${facts.join(', ')}.`,
  ownNetwork: 'your own network',
  preparing: 'being prepared',
  failed: 'not ready',
  untrained: 'untrained: its weights are random',
  fromFile: 'weights of a file',
  step: (step: string) => `step ${step}`,
  validation: (accuracy: string) => `validation ${accuracy}`,
  validationAt: (accuracy: string, step: string) => `validation ${accuracy} at step ${step}`,
} as const;
