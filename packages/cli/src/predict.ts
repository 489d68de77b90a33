import { UnfoldError } from '@unfold/core';
import { classify, digitFromImage, loadTrainedModel } from '@unfold/train';
import { readPng } from '@unfold/io';
import { readPicture, STANDARD_INPUT } from './read-picture.js';
import { parsePredictOptions } from './predict-options.js';
import { packageVersion } from './program.js';
import { lineOptions, predictionLines } from '@unfold/monitor/internal';
import { complain, draw, sayJson } from './print.js';

/** `unfold predict`. @returns The exit status. */
export async function predict(args: readonly string[]): Promise<number> {
  const { checkpoint, files, json } = parsePredictOptions(args, packageVersion());
  const trained = await loadTrainedModel(checkpoint);
  let status = 0;
  let isFirst = true;
  for (const file of files) {
    const name = file === STANDARD_INPUT ? 'standard input' : file;
    try {
      const pixels = digitFromImage(readPng(await readPicture(file), name), name);
      const [prediction] = classify(trained, [pixels]);
      if (!prediction) continue;
      if (json) sayJson({ file, ...prediction });
      else {
        if (!isFirst) draw(['']);
        isFirst = false;
        const lines = predictionLines(name, { prediction, pixels }, lineOptions(process.stdout));
        draw(lines);
      }
    } catch (error) {
      // What is wrong with one file doesn't keep the others from being read.
      if (!(error instanceof UnfoldError)) throw error;
      if (json) sayJson({ file, error: error.message });
      else complain(`error: ${error.message}`);
      status = 1;
    }
  }
  return status;
}
