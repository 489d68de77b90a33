import { enableNodeFlags } from '@unfold/core/node';

// As the commands do, so that tests run on the kernels that users run.
enableNodeFlags();
