import { UnfoldError } from '@unfold/core';
import { classify, digitFromImage, loadTrainedModel, type Prediction } from '@unfold/train';
import { readPng } from '@unfold/io';
import { readPicture, STANDARD_INPUT } from './read-picture.js';
import { parsePredictOptions } from './predict-options.js';
import { packageVersion } from './program.js';
import { lineOptions, predictionLines } from '@unfold/monitor/internal';

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
      if (json) console.log(jsonLine(file, prediction));
      else {
        if (!isFirst) console.log('');
        isFirst = false;
        const lines = predictionLines(name, { prediction, pixels }, lineOptions(process.stdout));
        for (const line of lines) console.log(line);
      }
    } catch (error) {
      // What is wrong with one file doesn't keep the others from being read.
      if (!(error instanceof UnfoldError)) throw error;
      if (json) console.log(JSON.stringify({ file, error: error.message }));
      else console.error(`error: ${error.message}`);
      status = 1;
    }
  }
  return status;
}

function jsonLine(file: string, prediction: Prediction): string {
  return JSON.stringify({ file, ...prediction });
}
