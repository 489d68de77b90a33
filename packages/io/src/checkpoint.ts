import { type OptionRules, tensor } from '@unfold/core';
import { checkedInUse, checkOptions, completeOptions, flag } from '@unfold/core/internal';
import { requireFile, requireState, texts } from './arguments.js';
import { DOWNLOAD, filesFor } from './files/files-for.js';
import { replaceFile } from './files/write.js';
import { failIn } from './messages.js';
import type { WeightsLimits } from './limits.js';
import { refuseOtherKind, SAFETENSORS } from './files/overwrite.js';
import type { VerifyOptions } from './weights/checksums.js';
import { encodeSafetensors, type Safetensors } from './weights/safetensors.js';
import type { WeightsMetadata } from './weights/safetensors-header.js';
import { expectRoom } from './weights/encodings.js';
import { withSafetensors } from './weights/safetensors-file.js';

/** The facts that a checkpoint tells about itself beside its tensors. Plain text values only. */
export type CheckpointMetadata = WeightsMetadata;

/** Weights and what is to be remembered with them. */
export type Checkpoint = Safetensors;

/**
 * Writes tensors and metadata to `file`, as safetensors: to a temporary name first, flushed and
 * renamed, so that an older file stays whole whatever happens. The values are taken at the call.
 * @throws ConfigError if the file cannot be written, with the system's reason, or holds something that
 * is no whole safetensors file, or if metadata is no text or a tensor's name is not free; or in a
 * browser.
 */
export async function saveCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  requireFile('saveCheckpoint', file);
  const rules: OptionRules<Checkpoint> = { state: checkedInUse, metadata: texts };
  const { state, metadata } = completeOptions('saveCheckpoint', rules, {}, checkpoint);
  requireState('saveCheckpoint: state', state);
  filesFor('saveCheckpoint', `${DOWNLOAD}: encodeSafetensors makes them`);
  const bytes = encodeSafetensors(state, metadata);
  await refuseOtherKind(file, SAFETENSORS);
  await replaceFile(file, bytes);
}

const INSTEAD = 'fetch the bytes and give them to decodeSafetensors';

/** Options of `loadCheckpoint`, `loadRun` and `loadTrainedModel`. */
export interface LoadCheckpointOptions {
  /** How much the file may take. docs/weights.md lists the defaults. */
  readonly limits?: Partial<WeightsLimits>;
}

const OPTIONS: OptionRules<LoadCheckpointOptions & VerifyOptions> = {
  verify: flag,
  limits: checkedInUse,
};

/**
 * Reads what `saveCheckpoint` wrote, or another safetensors file. Everything is checked before a
 * tensor is made, checksums too where the file has such; the tensors belong to the scope that is open
 * then.
 * @throws FileFormatError that says what is wrong and where; ConfigError if there is no such file, or
 * for an unknown option or limit, or in a browser.
 */
export async function loadCheckpoint(
  file: string,
  options: LoadCheckpointOptions & VerifyOptions = {},
): Promise<Checkpoint> {
  requireFile('loadCheckpoint', file);
  checkOptions('loadCheckpoint', options, OPTIONS);
  return readCheckpoint('loadCheckpoint', file, options);
}

/** Reads as `loadCheckpoint` does, in the name of another operation. */
export async function readCheckpoint(
  operation: string,
  file: string,
  { limits, verify }: LoadCheckpointOptions & VerifyOptions,
): Promise<Checkpoint> {
  return withSafetensors(
    file,
    { operation, instead: INSTEAD, limits, verify },
    async ({ tensors, metadata }) => {
      expectRoom(tensors, failIn(file));
      const read = [];
      for (const stored of tensors) read.push({ stored, values: await stored.read() });
      const state = new Map(
        read.map(({ stored: { name, shape, dtype }, values }) => [
          name,
          tensor(values, shape, { dtype }),
        ]),
      );
      return { state, metadata };
    },
  );
}
