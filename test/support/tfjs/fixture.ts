import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileFormatError, findLeaks } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';

/**
 * 9×8 images of 2 channels → conv2d → depthwise_conv2d → re_lu → max_pooling2d → flatten → dropout
 * → dense; its script lies beside it.
 */
export const FIXTURE = fileURLToPath(new URL('../../fixtures/tfjs-quantized', import.meta.url));

let root = '';
let copies = 0;

/** To be called once in a file of tests. */
export function makeCopies(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unfold-tfjs-files-'));
  });
  afterAll(() => rm(root, { recursive: true }));
}

/** A folder with a copy of the fixture, a new one at each call. */
export async function copyFixture(): Promise<string> {
  const folder = join(root, String(copies++));
  await cp(FIXTURE, folder, { recursive: true });
  return folder;
}

interface Entry {
  name: string;
  class_name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown[];
}

/** The fixture's model.json, as far as the tests change it. */
export interface ModelJson {
  format?: unknown;
  modelTopology?: {
    model_config: {
      class_name: string;
      config: { layers: Entry[]; input_layers: unknown; output_layers: unknown };
    };
  };
  weightsManifest?: { paths: unknown[]; weights: Record<string, unknown>[] }[];
}

/** What the tests reach for. */
export class Editor {
  readonly json: ModelJson;

  constructor(json: ModelJson) {
    this.json = json;
  }

  get model(): NonNullable<ModelJson['modelTopology']>['model_config'] {
    return present(this.json.modelTopology).model_config;
  }

  get layers(): Entry[] {
    return this.model.config.layers;
  }

  readonly layer = (name: string): Entry =>
    present(this.layers.find((layer) => layer.name === name));

  get group(): { paths: unknown[]; weights: Record<string, unknown>[] } {
    return present(this.json.weightsManifest?.[0]);
  }

  readonly weight = (name: string): Record<string, unknown> =>
    present(this.group.weights.find((weight) => weight['name'] === name));

  /** Puts a layer between `dense` and the output. */
  append(class_name: string, config: object = {}): void {
    const inbound_nodes = [[['dense', 0, 0, {}]]];
    this.layers.push({
      name: 'added',
      class_name,
      config: { name: 'added', ...config },
      inbound_nodes,
    });
    this.model.config.output_layers = [['added', 0, 0]];
  }
}

export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the fixture has another form');
  return value;
}

export async function edit(folder: string, change: (editor: Editor) => void): Promise<void> {
  const file = join(folder, 'model.json');
  const editor = new Editor(JSON.parse(await readFile(file, 'utf8')) as ModelJson);
  change(editor);
  await writeFile(file, JSON.stringify(editor.json));
}

/** Loads the model of `folder`, which must fail, and leave nothing in memory. */
export async function failure(folder: string): Promise<unknown> {
  let error: unknown = 'no error was thrown';
  const leaks = await findLeaks(async () => {
    try {
      await loadTfjsLayersModel(join(folder, 'model.json'));
    } catch (thrown) {
      error = thrown;
    }
  });
  expect(leaks).toEqual([]);
  return error;
}

/** What is done to the fixture, and the message, where `~` is the folder. */
type BadModel = readonly [change: (editor: Editor) => void, message: string];

export function refuse(models: Readonly<Record<string, BadModel>>): void {
  it.each(Object.entries(models))('%s', async (_name, [change, message]) => {
    const folder = await copyFixture();
    await edit(folder, change);
    const error = await failure(folder);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error).toHaveProperty('message', message.replaceAll('~', folder));
  });
}
