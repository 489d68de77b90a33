import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePatternFolder } from './support/runs/cli.js';
import { argumentsOfUnfold, commandsOf } from './support/commands.js';
import { darkOnLight, draw } from './support/files/pictures.js';
import { expectToRunAsSaid } from './support/run-snippets.js';
import { DOCUMENTS, PROGRAMS, ROOT } from './support/snippets.js';

describe('the code of a document runs and prints what is said', () => {
  it.each(PROGRAMS)('$name', (program) => expectToRunAsSaid(program));
});

const folder = mkdtempSync(join(tmpdir(), 'unfold-commands-'));
const digits = join(folder, 'digits');
beforeAll(() => writePatternFolder(digits, { train: 5200, test: 100 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program from source, in a folder. */
function run(cwd: string, program: string, args: readonly string[]): void {
  const tsx = `--import=${import.meta.resolve('tsx')}`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=unfold-source', tsx, join(ROOT, program), ...args],
    { cwd, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
}

/** What makes the commands end soon: other digits, fewer of them. */
const LESS: Readonly<Record<string, readonly string[]>> = {
  train: ['--data-dir', digits, '--limit', '200', '--epochs', '1'],
  evaluate: ['--data-dir', digits],
  eject: ['--data-dir', digits],
  predict: [],
  compare: [
    ...['--data-dir', digits, '--limit', '64', '--test-limit', '10'],
    ...['--epochs', '1', '--seeds', '1'],
  ],
};

const sessions = DOCUMENTS.map((document) => ({
  document,
  calls: commandsOf(document)
    .filter(({ isShown }) => isShown)
    .map(({ words }) => argumentsOfUnfold(words))
    .filter((args) => args !== null),
})).filter(({ calls }) => calls.length > 0);

describe('the calls of unfold in a document run one after the other, on less data', () => {
  it.each(sessions)('$document', ({ calls }) => {
    const own = mkdtempSync(join(folder, 'session-'));
    // Pictures of the reader's.
    for (const name of ['digit.png', 'seven.png', 'other.png']) {
      const one = draw(40, 60, (x, y) => (Math.abs(x - 20) < 3 && y > 10 && y < 50 ? 1 : 0));
      writeFileSync(join(own, name), darkOnLight(one));
    }
    for (const args of calls) {
      run(own, 'packages/cli/src/main.ts', [...args, ...(LESS[args[0] ?? ''] ?? [])]);
    }
  });

  it('are found', () => expect(sessions.length).toBeGreaterThan(5));
});

describe('the examples that a document names run', () => {
  const named = DOCUMENTS.flatMap((document) => commandsOf(document))
    .filter(({ isShown, words }) => isShown && words[0] === 'npx' && words[1] === 'tsx')
    .map(({ words }) => words.at(-1) ?? '');
  it.each([...new Set(named)])('%s', (program) => run(ROOT, program, []));
});
