import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Every document whose snippets a reader may copy, by its path in the repository. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'test/fixtures/README.md',
  ...readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export const readDocument = (document: string): string =>
  readFileSync(join(ROOT, document), 'utf8').replaceAll('\r\n', '\n');

/** What stands between two fences. */
export interface Snippet {
  readonly document: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  /** What the fence says, `ts` for example; often nothing. */
  readonly language: string;
  /** Without the indentation of the fence. */
  readonly code: string;
  /** As it stands in the document, with the fences. */
  readonly source: string;
  /** The heading above it. */
  readonly section: string;
  /** The file that it is said to be, by a line such as `main.ts`: above it. */
  readonly file: string | null;
  /** Whether nothing but an empty line is between it and the snippet before. */
  readonly isNext: boolean;
}

/** The snippets of a document, in order. */
export function snippetsOf(document: string, text = readDocument(document)): Snippet[] {
  const snippets: Snippet[] = [];
  let end = 0;
  for (const match of text.matchAll(/^( *)```(.*)\n((?:.*\n)*?)\1```$/gm)) {
    const [all, indentation = '', language = '', code = ''] = match;
    const before = text.slice(0, match.index);
    snippets.push({
      document,
      line: before.split('\n').length,
      language,
      source: all,
      code: code.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
      section: [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '',
      file: /(?:^|\n)`([\w-]+\.\w+)`[^\n]*:\n\n$/.exec(before)?.[1] ?? null,
      isNext: end > 0 && text.slice(end, match.index).trim() === '',
    });
    end = match.index + all.length;
  }
  return snippets;
}

/** Snippets that are run as one, as a reader would who copies them in order. */
export interface Program {
  /** The document, and the file if the document names one. */
  readonly name: string;
  readonly document: string;
  readonly extension: string;
  readonly snippets: readonly Snippet[];
  /** The code, each line on the line that it has in the document. */
  readonly source: string;
}

/**
 * The programs of a document: one of each snippet that is given a file's name, and one of all the
 * others in order. Among these, a snippet that declares a name anew has a block to itself, so that
 * the next ones see the first.
 */
export function programsOf(snippets: readonly Snippet[]): Program[] {
  const parts = new Map<string, Snippet[]>();
  for (const snippet of snippets) {
    const name = [snippet.document, snippet.file].filter((word) => word !== null).join(': ');
    parts.set(name, [...(parts.get(name) ?? []), snippet]);
  }
  return Array.from(parts, ([name, own]) => ({
    name,
    document: own[0]?.document ?? '',
    extension: own[0]?.file?.split('.').at(-1) ?? 'ts',
    snippets: own,
    source: joined(own),
  }));
}

/** The snippets that are TypeScript or JavaScript. */
export const isCode = ({ language }: Snippet): boolean => language === 'ts' || language === 'js';

const parse = (code: string): ts.SourceFile =>
  ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.Latest, true);

function joined(snippets: readonly Snippet[]): string {
  const lines: string[] = [];
  const imported = new Set<string>();
  const declared = new Set<string>();
  for (const { code, line } of snippets) {
    const { statements } = parse(code);
    let own = code;
    const imports: string[] = [];
    for (const statement of statements.filter(ts.isImportDeclaration)) {
      imports.push(...withoutRepeated(statement, imported));
      const text = statement.getText();
      own = own.replace(text, () => text.replaceAll(/[^\n]/g, ''));
    }
    const names = statements.flatMap((statement) => declaredBy(statement));
    const isAnew = names.some((name) => declared.has(name));
    if (isAnew) own = own.replaceAll(/^export (default )?/gm, '');
    else for (const name of names) declared.add(name);
    while (lines.length < line - 1) lines.push('');
    lines.push(`${imports.join(' ')}${isAnew ? ' {' : ''}`, ...own.trimEnd().split('\n'));
    if (isAnew) lines.push('}');
  }
  return `${lines.join('\n')}\n`;
}

/** An import as several of one name each, without those that were imported before. */
function withoutRepeated(
  { importClause, moduleSpecifier }: ts.ImportDeclaration,
  imported: Set<string>,
): string[] {
  const { name, namedBindings } = importClause ?? {};
  const type = importClause?.isTypeOnly === true ? 'type ' : '';
  const what = name === undefined ? [] : [`${type}${name.getText()}`];
  if (namedBindings && ts.isNamespaceImport(namedBindings)) {
    what.push(`${type}${namedBindings.getText()}`);
  }
  if (namedBindings && ts.isNamedImports(namedBindings)) {
    what.push(...namedBindings.elements.map((element) => `{ ${type}${element.getText()} }`));
  }
  const from = moduleSpecifier.getText();
  const all = what.map((words) => `import ${words} from ${from};`);
  const fresh = (all.length === 0 ? [`import ${from};`] : all).filter(
    (text) => !imported.has(text),
  );
  for (const text of fresh) imported.add(text);
  return fresh;
}

/** The names that a statement declares. */
function declaredBy(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => namesIn(name));
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  ) {
    return statement.name ? [statement.name.text] : [];
  }
  return [];
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isOmittedExpression(element) ? [] : namesIn(element.name),
  );
}

/** A `console.log(…);` of a program. */
export interface Print {
  /** In the document. */
  readonly line: number;
  /** What the comment beside it says that it prints. */
  readonly says: string | null;
}

/** The program with `print$(line)` for each `console.log`, and what the document says of these. */
export function withPrints(source: string): { readonly source: string; readonly prints: Print[] } {
  const file = parse(source);
  const prints: Print[] = [];
  const edits: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && node.getText().startsWith('console.log(')) {
      const from = node.getStart();
      const line = file.getLineAndCharacterOfPosition(from).line + 1;
      const [comment] = ts.getTrailingCommentRanges(source, node.end) ?? [];
      const says = comment ? source.slice(comment.pos + 2, comment.end).trim() : null;
      prints.push({ line, says });
      edits.push({ from, to: from + 'console.log'.length, text: `print$(${line})` });
      if (says !== null && /^\w*Error: /.test(says)) {
        edits.push({ from, to: from, text: 'try { ' });
        edits.push({
          from: node.end,
          to: node.end,
          text: ` } catch (error) { print$(${line})(String(error)); }`,
        });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  let text = source;
  for (const { from, to, text: words } of edits.sort((a, b) => b.from - a.from || b.to - a.to)) {
    text = text.slice(0, from) + words + text.slice(to);
  }
  return { source: text, prints };
}

/** What was printed, with as much white space as matters. */
const flat = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([[\]{}(),]) ?/g, '$1')
    .trim();

/** Whether something printed is what a document says; … there stands for anything. */
export function isAsSaid(printed: string, said: string): boolean {
  const pattern = flat(said)
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(flat(printed));
}

/**
 * The mistakes that `tsc` finds in programs, with the options that `tsc --init` writes and the
 * library of pages.
 * @param project Where the packages are installed; by default the sources stand for them.
 * @returns A line for each, with its line in the document.
 */
export function typeErrors(programs: readonly Program[], project = ROOT): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    moduleDetection: ts.ModuleDetectionKind.Force,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
    customConditions: project === ROOT ? ['unfold-source'] : [],
    // The packages come without it.
    paths: { '@tensorflow/tfjs': [join(ROOT, 'node_modules/@tensorflow/tfjs/dist/index.d.ts')] },
  };
  const sources = new Map(
    programs.map(({ name, source }) => [
      join(project, `${name.replaceAll(/[^\w.-]+/g, '-')}.snippets.ts`),
      { name, source },
    ]),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file)?.source ?? readFile(file);
  const program = ts.createProgram([...sources.keys()], options, host);
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  for (const file of sources.keys()) {
    const source = program.getSourceFile(file);
    found.push(...program.getSyntacticDiagnostics(source));
    found.push(...program.getSemanticDiagnostics(source));
  }
  return found.map(({ file, start, messageText }) => {
    const { name } = sources.get(file?.fileName ?? '') ?? { name: 'options' };
    const { line } = file?.getLineAndCharacterOfPosition(start ?? 0) ?? { line: 0 };
    return `${name}, line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

export const SNIPPETS: readonly Snippet[] = DOCUMENTS.flatMap((document) => snippetsOf(document));

/** Code that is no part of a program of its document's: the test that reads it instead. */
export interface Elsewhere {
  readonly document: string;
  readonly snippets: readonly Snippet[];
  readonly test: string;
}

/** @param section The heading that the code is under; without one, all of the document's. */
function elsewhere(document: string, test: string, section?: string): Elsewhere {
  const isMeant = (snippet: Snippet): boolean =>
    snippet.document === document && (section === undefined || snippet.section === section);
  return { document, test, snippets: SNIPPETS.filter((each) => isCode(each) && isMeant(each)) };
}

export const ELSEWHERE: readonly Elsewhere[] = [
  // Parts of examples/: each is compared with the program, which the slow suite runs.
  elsewhere('docs/examples.md', 'test/examples/examples-md.test.ts'),
  // Edits of sources: they are made in a copy, which is compiled and run.
  elsewhere('docs/adding-a-kernel.md', 'test/core/adding-a-kernel.slow.test.ts'),
  elsewhere(
    'docs/adding-an-op.md',
    'test/core/adding-a-kernel.slow.test.ts',
    'In core: five places',
  ),
];

export const PROGRAMS: readonly Program[] = programsOf(
  SNIPPETS.filter(
    (snippet) => isCode(snippet) && !ELSEWHERE.some(({ snippets }) => snippets.includes(snippet)),
  ),
);
