import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GENERATOR } from '@unfold/io/internal';
import { Html, html } from './html.js';
import { STYLE } from './style.js';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** Style of its own, as CSS. */
  readonly style?: string;
}

/** Whatever text a page holds, it asks no server for anything. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** A page of its own, with the programs that draw its charts inside. */
export function renderPage({ title, body, style = '' }: Page): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <link rel="icon" href="data:," />
        ${new Html(GENERATOR)}
        <title>${title}</title>
        <style>
          ${new Html(uplotFile('dist/uPlot.min.css'))}${new Html(STYLE + style)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <noscript><p class="note">The charts are drawn by JavaScript, which is off.</p></noscript>
        </header>
        <main>${body}</main>
        ${inlineScript(`{\n${program('language.js')}giveLanguage();\n}\n`)}
        ${inlineScript(`/*\n${uplotFile('LICENSE')}*/\n${uplotFile('dist/uPlot.iife.min.js')}`)}
        ${inlineScript(`{\n${PROGRAMS.map(program).join('')}}\n`)}
      </body>
    </html>`;
  return `${page.text}\n`;
}

/** What draws the charts; each file imports from those before it. */
const PROGRAMS = ['../number-text.js', 'curve-options.js', 'browser.js'];

/**
 * A file of ours as a part of one script, in which it needs no lines that import or export. The compiled one
 * ends, without a line's end, in the name of a source map, which a page has no use for.
 */
function program(name: string): string {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8')
    .replaceAll(/^import \{[^}]*\} from [^;]*;$/gm, '')
    .replaceAll(/^export (?=const|function)/gm, '')
    .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '');
  return `${text}\n`;
}

const inlineScript = (program: string): Html => new Html(`<script>${program}</script>`);

function uplotFile(name: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/${name}`), 'utf8');
}
