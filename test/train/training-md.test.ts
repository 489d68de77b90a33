import * as core from '@unfold/core';
import * as nn from '@unfold/nn';
import * as train from '@unfold/train';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/training.md', import.meta.url), 'utf8');
const [setUp = '', ...snippets] = Array.from(
  page.matchAll(/```ts\n([\s\S]*?)```/g),
  ([, code = '']) => code,
);
const titled = snippets.map((code, i) => ({ code, title: `${i + 1}: ${code.split('\n')[0]}` }));

/** Runs the code behind that of the page's beginning. @returns What it printed. */
async function run(code: string): Promise<unknown[]> {
  const source = `export async function run(modules, console) {\n${setUp}{\n${code}}}`;
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
    { '@unfold/core': core, '@unfold/nn': nn, '@unfold/train': train },
    { log: (...values: unknown[]) => printed.push(...values) },
  );
  return printed;
}

it.each(titled)('docs/training.md, snippet $title', async ({ code }) => {
  core.manualSeed(1);
  const printed = await run(code);
  const promised = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
  if (promised !== undefined) expect(printed.join(' ')).toBe(promised);
});

it('docs/training.md names every optimiser and schedule', () => {
  expect(snippets.length).toBeGreaterThan(6);
  for (const [name, value] of Object.entries(train)) {
    if (
      typeof value !== 'function' ||
      !/^(SGD|Ada\w+|RMSprop|EMA|clip\w+|\w+LR|\w+Restarts)$/.test(name)
    ) {
      continue;
    }
    expect(page, name).toContain(name);
  }
});
