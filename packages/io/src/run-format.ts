/** What the metadata of a run's checkpoint calls its form. */
export const RUN_FORMAT = 'unfold-checkpoint-2';
