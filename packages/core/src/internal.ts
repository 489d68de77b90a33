/*
 * What Unfold's own packages share beside the public names. It may change with any version: nobody
 * else should build on it.
 */
export {
  atLeast0,
  checkOption,
  completeOptions,
  count,
  finite,
  flag,
  oneOf,
  optional,
  pairBelow1,
  perGroup,
  positive,
  positiveCount,
  positiveShare,
  rejectUnknown,
  share,
  shareBelow1,
  show,
} from './options.js';
