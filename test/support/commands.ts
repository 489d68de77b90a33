import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCompareOptions } from '../../packages/cli/src/compare-options.js';
import { parseEjectOptions } from '../../packages/cli/src/eject-options.js';
import { parseEvaluateOptions } from '../../packages/cli/src/evaluate-options.js';
import { parseExportOptions } from '../../packages/cli/src/export-options.js';
import { parseOptions } from '../../packages/cli/src/options.js';
import { parsePredictOptions } from '../../packages/cli/src/predict-options.js';
import { parseReportOptions } from '../../packages/cli/src/report-options.js';
import { readDocument, ROOT, snippetsOf } from './snippets.js';

/** A command that a document tells its reader to type. */
export interface ShellCommand {
  readonly document: string;
  readonly line: number;
  readonly words: readonly string[];
  /** Whether it is a line of its own, and not within a sentence. */
  readonly isShown: boolean;
}

const WORD = /'[^']*'|"[^"]*"|&&|\||#.*|[^\s'"|]+/g;

/** The commands of a line of a shell, which `&&` and `|` divide. Knows comments and quotes. */
function split(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [word] of line.matchAll(WORD)) {
    if (word.startsWith('#')) break;
    if (word === '&&' || word === '|') commands.push([]);
    else commands.at(-1)?.push(word.replaceAll(/^(['"])(.*)\1$/g, '$2'));
  }
  return commands.filter(({ length }) => length > 0);
}

/** What stands for something of the reader's, in a command within a sentence. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  FILE: 'examples/edges.ts',
  NAME: 'quick',
  S: '1',
  '[options]': '--quiet',
};

const BEGINS_AS_COMMAND = /^(\w+=\S+ )?(npm|npx|node|unfold|python|pip) \S/;

/** The commands of a document: lines of its `sh` and `console` blocks, and those within sentences. */
export function commandsOf(document: string): ShellCommand[] {
  const found: ShellCommand[] = [];
  const add = (line: number, text: string, isShown: boolean): void => {
    for (const command of split(text)) {
      const words = isShown ? command : command.map((word) => PLACEHOLDERS[word] ?? word);
      found.push({ document, line, words, isShown });
    }
  };
  let prose = readDocument(document);
  for (const { line, language, code, source } of snippetsOf(document)) {
    prose = prose.replace(source, () => source.replaceAll(/[^\n]/g, ''));
    const rows = code.split('\n');
    for (const [i, row] of rows.entries()) {
      if (language === 'sh') add(line + 1 + i, row, true);
      if (language === 'console' && row.startsWith('$ ')) add(line + 1 + i, row.slice(2), true);
    }
  }
  for (const { index, 1: text = '' } of prose.matchAll(/`([^`]+)`/g)) {
    if (!BEGINS_AS_COMMAND.test(text)) continue;
    add(prose.slice(0, index).split('\n').length, text.replaceAll('\n', ' '), false);
  }
  return found;
}

/** Programs of other people's, which no test here needs. */
const FOREIGN: ReadonlySet<string> = new Set([
  '.',
  'jq',
  'pip',
  'pytest',
  'tensorboard',
  'torchrun',
]);

/** A program of an ejected project, which test/torch runs. */
const EJECTED = 'train.py';

/** What keeps a command from working; null if nothing is known that does. */
export function faultOf({
  document,
  words,
}: Pick<ShellCommand, 'document' | 'words'>): string | null {
  const [program = '', ...args] = words;
  if (/^\w+=/.test(program)) return faultOf({ document, words: args });
  if (program === 'npm') return faultOfNpm(args);
  if (program === 'npx') return faultOfNpx(args);
  if (program === 'unfold') return faultOfUnfold(args);
  if (program === 'node' || program === 'python') {
    const file = args[0] === '-m' ? undefined : args[0];
    const isShown = snippetsOf(document).some((snippet) => snippet.file === file);
    return file === undefined || file === EJECTED || isShown ? null : faultOfFile(file);
  }
  return FOREIGN.has(program) ? null : faultOfFile(program);
}

const faultOfFile = (file: string): string | null =>
  existsSync(join(ROOT, file)) ? null : `there is no ${file}`;

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

/** The command of npm's that a script is, and the arguments behind `--`; null if there is none. */
function scriptOf(args: readonly string[]): readonly string[] | null {
  const plain = args.filter((word) => word !== '--silent');
  // A workspace is named by its folder, and may stand behind the script.
  const at = Math.max(plain.indexOf('--prefix'), plain.indexOf('--workspace'));
  const folder = at < 0 ? '.' : (plain[at + 1] ?? '');
  const words = at < 0 ? plain : [...plain.slice(0, at), ...plain.slice(at + 2)];
  const [run, name = '', ...more] = words;
  const manifest = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;
  const script = manifest.scripts[run === 'test' ? 'test' : name];
  if (script === undefined || (run !== 'run' && run !== 'test')) return null;
  const own = script.split(' ');
  if (own[1] === '--prefix')
    return scriptOf([...own.slice(1), ...more.filter((word) => word !== '--')]);
  if (more.length > 0 && more[0] !== '--') return null;
  return [folder, ...own, ...more.slice(1)];
}

/** What a command passes to `unfold`; null if it is none of its calls. */
export function argumentsOfUnfold([program, ...args]: readonly string[]): readonly string[] | null {
  if (program === 'unfold') return args;
  const script = program === 'npm' ? (scriptOf(args) ?? []) : [];
  const main = script.indexOf('packages/cli/src/main.ts');
  return main < 0 ? null : script.slice(main + 1);
}

/** What npm does itself. */
const OF_NPM: ReadonlySet<string> = new Set(['ci', 'install', 'pack']);

function faultOfNpm(args: readonly string[]): string | null {
  const [name = '', ...more] = args[0] === '--prefix' ? args.slice(2) : args;
  if (OF_NPM.has(name)) {
    const missing = more.find((word) => word.startsWith('@unfold/'));
    return missing === undefined ? null : `${missing} is not on npm`;
  }
  const script = scriptOf(args);
  if (script === null) return `no package.json has the script of npm ${args.join(' ')}`;
  const [folder = '', ...words] = script;
  const unfold = argumentsOfUnfold(['npm', ...args]);
  if (unfold !== null) return faultOfUnfold(unfold);
  if (folder !== 'bench') return null;
  const known = readFileSync(join(ROOT, 'bench/src/options.ts'), 'utf8');
  const unknown = words.find(
    (word) => word.startsWith('--') && !known.includes(`'${word} `) && !known.includes(`'${word}'`),
  );
  return unknown === undefined ? null : `bench/src/options.ts has no ${unknown}`;
}

function faultOfNpx([program = '', ...args]: readonly string[]): string | null {
  if (!existsSync(join(ROOT, 'node_modules/.bin', program))) return `npm ci installs no ${program}`;
  if (program === 'tsx' && args[0] !== '--conditions=unfold-source') {
    return 'in this repository tsx needs --conditions=unfold-source';
  }
  if (program !== 'tsx' && program !== 'vitest') return null;
  const files = args.filter((word, i) => word.includes('/') || args[i - 1] === '--config');
  return files.map((file) => faultOfFile(file)).find((fault) => fault !== null) ?? null;
}

type Parse = (args: readonly string[], version: string) => unknown;
const PARSERS: readonly (readonly [words: readonly string[], parse: Parse])[] = [
  [['train', 'mnist'], parseOptions],
  [['evaluate'], parseEvaluateOptions],
  [['export'], parseExportOptions],
  [['eject'], parseEjectOptions],
  [['predict'], parsePredictOptions],
  [['report'], parseReportOptions],
  [['compare', 'tfjs'], parseCompareOptions],
];

/** The words behind `unfold`, such as `train mnist`. */
export const COMMANDS_OF_UNFOLD = PARSERS.map(([words]) => words.join(' '));

/** Parses the arguments of `unfold` by its own parsers; `process.exit` has to throw meanwhile. */
function faultOfUnfold(args: readonly string[]): string | null {
  for (const [words, parse] of PARSERS) {
    if (!words.every((word, i) => args[i] === word)) continue;
    const own = args.slice(words.length);
    // A command by its name alone is no call of it; --help ends it before it asks for what is missing.
    if (own.length === 0) return null;
    if (own.includes('--help')) return own.length === 1 ? null : 'more than --help';
    try {
      parse(own, '0.0.0');
      return null;
    } catch (error) {
      return `unfold ${args.join(' ')}: ${String(error)}`;
    }
  }
  return `unfold has no command ${args.join(' ')}`;
}
