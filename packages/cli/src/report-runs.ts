import { ConfigError } from '@unfold/core';
import { PAGE, replaceFile } from '@unfold/io/internal';
import { counted } from '@unfold/monitor/internal';
import { say } from './print.js';
import { checkOutputs, packageVersion } from './program.js';
import { parseReportOptions } from './report-options.js';
import { runsPage } from './runs/page.js';
import { readRuns } from './runs/read-runs.js';

/** More lines in one chart are told apart by nobody. */
const MOST_RUNS = 12;

/** `unfold report`. @returns The exit status. */
export async function reportRuns(args: readonly string[]): Promise<number> {
  const { metrics, html } = parseReportOptions(args, packageVersion());
  if (metrics.length > MOST_RUNS) {
    throw new ConfigError(
      `--metrics: expected at most ${MOST_RUNS} runs, got ${metrics.length}; compare some of them`,
    );
  }
  await checkOutputs({ '--html': html }, { '--html': PAGE });
  const runs = await readRuns(metrics);
  await replaceFile(html, runsPage(runs));
  say(`report: ${html}, of ${counted(runs.length, 'run')}`);
  return 0;
}
