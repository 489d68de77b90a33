import { checkRecord } from './check-record.js';
import { classesSection } from './classes.js';
import { learningSection, stepSizeSection } from './curves.js';
import { counted, duration, grouped, percent } from '../number-text.js';
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

function lead({ evaluation, epochs, steps, seconds, parameters, engine }: TrainingRecord): Html {
  const { accuracy, correct, total } = evaluation;
  const wrong = total - correct;
  const last = steps.step.at(-1) ?? 0;
  return html`<strong>${percent(accuracy)}</strong> of ${counted(total, 'test image')} recognised,
    ${wrong === 0 ? 'without a mistake' : `${grouped(wrong)} not`}, after
    ${counted(epochs.length, 'epoch')} (${counted(last, 'step')}) and ${duration(seconds)}, by a
    network of ${counted(parameters, 'parameter')}. Engine: ${engine}.`;
}

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
