/** The name of the form of a run's checkpoint, in its metadata. */
export const RUN_FORMAT = 'unfold-checkpoint-2';
