import type { Tensor } from '@unfold/core';
import { filesFor, putFolder, requireFile } from '@unfold/io/internal';
import { eject, type Ejectable, type EjectOptions } from './eject.js';

/**
 * Writes the project that `eject` makes into a new folder, all or nothing.
 *
 * ```ts
 * await saveProject(model, 'project', zeros([1, 1, 28, 28]));
 * ```
 *
 * @param folder It must not be there yet, or be empty; the folder that it lies in has to be there.
 * @throws As `eject`; ConfigError if the folder cannot be made, with the system's reason; or in a browser.
 */
export async function saveProject(
  model: Ejectable,
  folder: string,
  example: Tensor | readonly Tensor[],
  options: EjectOptions = {},
): Promise<void> {
  filesFor('saveProject', 'offer the files as downloads: eject makes them');
  requireFile('saveProject', folder);
  await putFolder(folder, eject(model, example, options));
}
