import * as core from '@unfold/core';
import * as io from '@unfold/io';
import * as monitor from '@unfold/monitor';
import * as nn from '@unfold/nn';
import * as train from '@unfold/train';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Page {
  readonly text: string;
  /** The first snippet, on which the others build. */
  readonly setUp: string;
  readonly snippets: readonly { readonly code: string; readonly title: string }[];
}

function readPage(name: string): Page {
  const text = readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  const [setUp = '', ...snippets] = Array.from(
    text.matchAll(/```ts\n([\s\S]*?)```/g),
    ([, code = '']) => code,
  );
  const titled = snippets.map((code, i) => ({ code, title: `${i + 1}: ${code.split('\n')[0]}` }));
  return { text, setUp, snippets: titled };
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-pages-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the code behind that of the page's beginning. @returns What it printed. */
async function run(setUp: string, code: string): Promise<unknown[]> {
  const inFolder = code.replaceAll("'run.safetensors'", JSON.stringify(join(folder, 'run')));
  const source = `export async function run(modules, console) {\n${setUp}{\n${inFolder}}}`;
  const { outputText } = ts.transpileModule(
    // An import cannot stand in a function; a type is nothing there.
    source.replaceAll(
      /^import (\{[^}]*\}) from ('[^']*');/gm,
      (_, names: string, from: string) =>
        `const ${names.replaceAll(/type \w+,?/g, '')} = modules[${from}];`,
    ),
    { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 } },
  );
  const url = `data:text/javascript,${encodeURIComponent(outputText)}`;
  const printed: unknown[] = [];
  const module: { run(modules: object, console: object): Promise<void> } = await import(url);
  await module.run(
    {
      '@unfold/core': core,
      '@unfold/nn': nn,
      '@unfold/io': io,
      '@unfold/train': train,
      '@unfold/monitor': monitor,
    },
    { log: (...values: unknown[]) => printed.push(...values) },
  );
  return printed;
}

describe.each(['training.md', 'fit.md'])('docs/%s', (name) => {
  const { setUp, snippets } = readPage(name);

  it.each(snippets)('snippet $title', async ({ code }) => {
    core.manualSeed(1);
    const printed = await run(setUp, code);
    const promised = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
    if (promised !== undefined) expect(printed.join(' ')).toBe(promised);
  });

  it('has snippets', () => expect(snippets.length).toBeGreaterThan(3));
});

it('docs/training.md names every optimiser and schedule', () => {
  const { text } = readPage('training.md');
  for (const [name, value] of Object.entries(train)) {
    if (
      typeof value !== 'function' ||
      !/^(SGD|Ada\w+|RMSprop|EMA|clip\w+|\w+LR|\w+Restarts)$/.test(name)
    ) {
      continue;
    }
    expect(text, name).toContain(name);
  }
});
