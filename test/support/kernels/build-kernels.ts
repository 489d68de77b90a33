import { build } from '../../../packages/core/assembly/build.js';

/** Compiles the kernels before the tests start: inside one, it would count against its time. */
export default build;
