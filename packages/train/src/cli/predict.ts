#!/usr/bin/env node
import { UnfoldError } from '@unfold/core';
import { classify, type Prediction } from '../predict/classify.js';
import { digitFromImage } from '../predict/digit.js';
import { readPng } from '../predict/png.js';
import { readPicture, STANDARD_INPUT } from '../predict/read-picture.js';
import { loadTrainedModel } from '../trained-model.js';
import { parsePredictOptions } from './predict-options.js';
import { packageVersion, runProgram } from './program.js';
import { lineOptions } from './views/lines.js';
import { predictionLines } from './views/prediction.js';

async function main(args: readonly string[]): Promise<number> {
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

await runProgram(main);
