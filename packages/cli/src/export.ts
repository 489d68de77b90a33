import { zeros } from '@unfold/core';
import { counted } from '@unfold/monitor/internal';
import { saveOnnx } from '@unfold/onnx';
import { ONNX_FILE } from '@unfold/onnx/internal';
import { loadTrainedModel } from '@unfold/train';
import { SIDE } from '@unfold/train/internal';
import { CLASSES } from './digits.js';
import { parseExportOptions } from './export-options.js';
import { say } from './print.js';
import { checkOutputs, packageVersion } from './program.js';

/** `unfold export`. @returns The exit status. */
export async function exportModel(args: readonly string[]): Promise<number> {
  const { checkpoint, file, opset, includeNormalization } = parseExportOptions(
    args,
    packageVersion(),
  );
  await checkOutputs({ file }, { file: ONNX_FILE });
  const { name, model, normalization } = await loadTrainedModel(checkpoint);
  await saveOnnx(model, file, zeros([1, 1, SIDE, SIDE]), {
    name,
    normalization,
    classes: CLASSES,
    opset,
    names: { inputs: ['images'], outputs: ['logits'] },
    ...(includeNormalization === true && { includeNormalization }),
  });
  say(`model: ${name}, ${counted(model.parameterCount(), 'parameter')}, from ${checkpoint}`);
  say(`onnx: ${file}, operator set ${opset}, images [batch,1,${SIDE},${SIDE}] → logits [batch,10]`);
  return 0;
}
