import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';
import { TEST_DIGITS, TRAINING_DIGITS } from '../src/spec/digits.js';
import { hashOf, policy } from './policy.js';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
}

const LICENCE = join(import.meta.dirname, '../../LICENSE');

/**
 * Writes `licences.html`: ours, that of the digits, and those of the packages whose code is in a bundle, be it
 * the page's or a worker's. (Vite's own list, `build.license`, leaves the workers out.)
 */
export function licences(): { readonly page: Plugin; readonly worker: () => Plugin } {
  const folders = new Set<string>();
  /** Notes the packages of a bundle. Workers are bundled before the page that starts them. */
  const note = (chunks: readonly { type: string; moduleIds?: readonly string[] }[]): void => {
    for (const id of chunks.flatMap(({ moduleIds = [] }) => moduleIds)) {
      const folder = packageOf(id);
      if (folder !== null) folders.add(folder);
    }
  };
  return {
    worker: () => ({
      name: 'licences-of-worker',
      generateBundle(_, bundle) {
        note(Object.values(bundle));
      },
    }),
    page: {
      name: 'licences',
      apply: 'build',
      generateBundle(_, bundle) {
        note(Object.values(bundle));
        const packages = Array.from(folders, read).sort((a, b) => (a.name < b.name ? -1 : 1));
        this.emitFile({ type: 'asset', fileName: 'licences.html', source: pageOf(packages) });
      },
    },
  };
}

/** The folder of the package that a module is of; null for our own and for what the bundler adds. */
function packageOf(id: string): string | null {
  if (id.startsWith('\0') || !id.includes('/node_modules/')) return null;
  for (let folder = dirname(id.split('?')[0] ?? ''); ; folder = dirname(folder)) {
    if (dirname(folder) === folder) return null;
    // Some packages have nameless ones inside that only say which of their modules are ES modules.
    const file = join(folder, 'package.json');
    if (existsSync(file) && 'version' in JSON.parse(readFileSync(file, 'utf8'))) return folder;
  }
}

/** @throws Error for a package that doesn't bring its licence: somebody has to look it up. */
function read(folder: string): Package {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Package;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined || !license) throw new Error(`${name} in ${folder} brings no licence`);
  return { name, version, license, text: readFileSync(join(folder, file), 'utf8').trim() };
}

const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
  pre { white-space: pre-wrap; font-size: 0.85rem; }
`;

function pageOf(packages: readonly Package[]): string {
  const ours = readFileSync(LICENCE, 'utf8').trim();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy([hashOf(STYLE)])}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Licences · Unfold playground</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Licences</h1>
<p><a href="./">Back to the playground</a></p>
<h2>Unfold</h2>
<pre>${escaped(ours)}</pre>
<h2 id="mnist">The digits: MNIST</h2>
<p>The digits are from the MNIST database of handwritten digits by Yann LeCun, Corinna Cortes and
Christopher J. C. Burges, <code>http://yann.lecun.com/exdb/mnist</code>, which was made of NIST's Special
Databases 1 and 3. Yann LeCun and Corinna Cortes hold its copyright. It is available under the terms of the
<a href="https://creativecommons.org/licenses/by-sa/3.0/">Creative Commons Attribution-ShareAlike 3.0
licence</a>. This page has its first ${TRAINING_DIGITS.toLocaleString('en')} digits for training and its first
${TEST_DIGITS.toLocaleString('en')} for testing, each as it is there.</p>
${packages
  .map(
    ({ name, version, license, text }) =>
      `<h2>${escaped(`${name} ${version}`)}</h2>\n<p>${escaped(license)}</p>\n<pre>${escaped(text)}</pre>`,
  )
  .join('\n')}
</main>
</body>
</html>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
