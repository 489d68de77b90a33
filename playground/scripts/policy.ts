import { createHash } from 'node:crypto';

/**
 * The content security policy of a built page: its own files and no others, WebAssembly, workers of its own,
 * and pictures that it makes itself. Threads whose script a bundler left out start from a `blob:`; Vite puts
 * it beside the page.
 * @param styles The digests of the style sheets that lie in the page.
 */
export const policy = (styles: readonly string[]): string =>
  [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    `style-src 'self'${styles.map((hash) => ` '${hash}'`).join('')}`,
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** As a content security policy names what lies in the page. */
export const hashOf = (text: string): string =>
  `sha256-${createHash('sha256').update(text).digest('base64')}`;
