import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { hasOnnx, python } from '../support/python.js';
import { modelExports, operationExports, type ExportCase } from '../support/onnx/exports.js';
import { asJson, expectSame, fromJson, plain, type Plain } from '../support/plain.js';

/*
 * What is exported, in others' runtimes: ONNX Runtime as WebAssembly, which the benchmarks install, and
 * ONNX's checker with ONNX Runtime in Python, where both are. Elsewhere these tests are skipped.
 */

const root = resolve(import.meta.dirname, '../..');
const require = createRequire(join(root, 'bench/package.json'));

function found(name: string): string | null {
  try {
    return require.resolve(name);
  } catch {
    return null;
  }
}

const web = found('onnxruntime-web');

/** What is used here of onnxruntime-web, which has no types where it isn't installed. */
interface OrtWeb {
  readonly env: { logLevel: string; readonly wasm: { numThreads: number } };
  readonly Tensor: new (
    type: string,
    data: ArrayLike<number>,
    dims: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: { logSeverityLevel: number }): Promise<OrtSession>;
  };
}
interface OrtTensor {
  readonly type: string;
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}
interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

const SETS: readonly [what: string, make: () => ExportCase[]][] = [
  ['operations', () => operationExports()],
  ['operations of set 22', () => operationExports(22)],
  ['models', () => modelExports()],
  ['models of set 22', () => modelExports(22)],
];

describe.runIf(hasOnnx)("ONNX's checker and ONNX Runtime in Python", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unfold-onnx-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(SETS)('take %s', (what, make) => {
    const cases = make();
    const inside = mkdtempSync(join(folder, 'set-'));
    for (const [i, { bytes, inputs }] of cases.entries()) {
      writeFileSync(join(inside, `${i}.onnx`), bytes);
      writeFileSync(join(inside, `${i}.json`), asJson(inputs.map(plain)));
    }
    const script = join(import.meta.dirname, 'run_models.py');
    const { stdout, stderr } = spawnSync(python, [script, inside], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const results = fromJson(stdout || JSON.stringify({ error: stderr })) as Record<
      string,
      Plain[]
    >;
    for (const [i, { name, outputs }] of cases.entries()) {
      const got = results[i];
      if (!Array.isArray(got)) throw new Error(`${what}: ${name}: ${JSON.stringify(got)}`);
      expectSame(got, outputs);
    }
  });
});

describe.runIf(web !== null)('ONNX Runtime as WebAssembly', () => {
  it.each(SETS)('takes %s', async (what, make) => {
    const ort = require(web ?? '') as OrtWeb;
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
    for (const { name, bytes, inputs, outputs } of make()) {
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 }).catch(
        (error: unknown) => {
          throw new Error(`${what}: ${name}`, { cause: error });
        },
      );
      const feeds = Object.fromEntries(
        session.inputNames.map((input, i) => {
          const x = inputs[i];
          if (!x) throw new Error(`${name}: no input ${input}`);
          return [input, new ort.Tensor(x.dtype, x.toTypedArray(), x.shape)];
        }),
      );
      const given = await session.run(feeds);
      expectSame(
        session.outputNames.map((output) => {
          const value = given[output];
          if (!value) throw new Error(`${name}: no output ${output}`);
          return {
            dtype: value.type,
            shape: value.dims,
            data: Array.from(value.data, Number),
          };
        }),
        outputs,
      );
      await session.release();
    }
  });
});
