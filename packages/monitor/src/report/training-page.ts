import { checkRecord } from './check-record.js';
import { classesSection } from './classes.js';
import { learningSection, stepSizeSection } from './curves.js';
import { counted, duration, fixed, grouped, percent } from '../number-text.js';
import { type Html, html } from './html.js';
import { mistakesSection } from './mistakes.js';
import { networkSection } from './network.js';
import { renderPage } from './page.js';
import type { TrainingRecord } from './record.js';
import { commandBlock, facts, type Section, sections } from './section.js';
import { TRAINING_STYLE } from './training-style.js';

/**
 * A page about a training run, as HTML: curves, confusion matrix, mistakes, filters and feature maps,
 * the layers and the configuration. It is one file, asks no server for anything, and says so where a
 * run has nothing to show, such as a curve of one epoch.
 * @throws ConfigError for what is no record of `trainingRecord`.
 */
export function trainingPage(record: TrainingRecord): string {
  checkRecord('trainingPage', record);
  const body = html`
    <p class="lead">${lead(record)}</p>
    ${sections([
      learningSection(record),
      stepSizeSection(record),
      classesSection(record),
      mistakesSection(record),
      networkSection(record),
      ...configurationSection(record),
    ])}
  `;
  return renderPage({ title: record.title, body, style: TRAINING_STYLE });
}

function lead(record: TrainingRecord): Html {
  const { evaluation, epochs, steps, seconds, parameters, engine, failure } = record;
  const network = `a network of ${counted(parameters, 'parameter')}. Engine: ${engine}.`;
  const last = steps.step.at(-1) ?? 0;
  const after =
    `after ${counted(epochs.length, 'epoch')} (${counted(last, 'step')}) and ` + duration(seconds);
  const error = failure === null ? '' : html` The run ended in an error: ${sentence(failure)}`;
  if (evaluation === null) {
    return html`<strong>Not tested</strong>: the run ended ${after}, with ${network}${error}`;
  }
  const { accuracy, correct, total, loss } = evaluation;
  const wrong = total - correct;
  return html`<strong>${percent(accuracy)}</strong> of ${counted(total, 'test image')} recognised,
    ${wrong === 0 ? 'without a mistake' : `${grouped(wrong)} not`}, with a mean loss of
    ${fixed(loss)}${Number.isFinite(loss) ? '' : ', which is no finite number: it diverged'},
    ${after}, by ${network}${error}`;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function configurationSection({ configuration, command }: TrainingRecord): Section[] {
  const reproduce =
    command === null
      ? ''
      : html`<p>The same run again:</p>
          ${commandBlock(command)}`;
  const settings = configuration.length === 0 ? '' : facts('Settings', configuration);
  if (reproduce === '' && settings === '') return [];
  return [{ id: 'configuration', title: 'Configuration', content: [settings, reproduce] }];
}
