import type { EngineOptions } from '@unfold/core';
import { train } from './train.js';

addEventListener('message', ({ data }: MessageEvent<EngineOptions | null>) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  void train(data).then((report) => postMessage(report));
});
