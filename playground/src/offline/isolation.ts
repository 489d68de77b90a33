/**
 * What a page has to be sent with so that its threads may share memory: a server sends it, or the service
 * worker in its place.
 */
export const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
} as const;
