import type { Plugin } from 'vite';
import { hashOf, policy } from './policy.js';

/**
 * Puts the page's style sheet into the page itself, so that the first paint waits for one answer alone, and
 * says in it what the page may load.
 */
export function firstPaint(): Plugin {
  return {
    name: 'first-paint',
    apply: 'build',
    enforce: 'post',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle = {} }) {
        const [link, file = ''] =
          /<link rel="stylesheet"[^>]* href="\.\/([^"]+)">/.exec(html) ?? [];
        const sheet = bundle[file];
        if (link === undefined || sheet?.type !== 'asset') throw new Error('no style sheet');
        const css = String(sheet.source).trim();
        // Nobody asks for it any more.
        delete bundle[file];
        const content = policy([hashOf(css)]);
        return {
          // A function: `$` means nothing in it.
          html: html
            .replace(link, () => `<style>${css}</style>`)
            // The script comes behind what it replaces.
            .replace('<script type="module"', '$& fetchpriority="low"'),
          tags: [
            {
              tag: 'meta',
              attrs: { 'http-equiv': 'Content-Security-Policy', content },
              injectTo: 'head-prepend' as const,
            },
          ],
        };
      },
    },
  };
}
