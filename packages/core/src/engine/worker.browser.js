import { serve } from './serve.js';

addEventListener(
  'message',
  ({ data }) => {
    serve(data, () => postMessage('ready'));
    postMessage('left');
  },
  { once: true },
);
