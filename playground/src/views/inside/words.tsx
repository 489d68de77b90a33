import type { ComponentChildren } from 'preact';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Prose } from './prose.js';

const texts = INSIDE_TEXTS;

export interface WordsProps {
  readonly words: readonly string[];
  readonly formula: string;
  readonly numbers: string;
}

/** Two sentences beside a picture, and more for who wants it: the formula, and numbers that it holds for. */
export function Words({ words, formula, numbers }: WordsProps) {
  return (
    <div class="words">
      <Prose text={words.join(' ')} />
      <details>
        <summary>{texts.more}</summary>
        <pre tabIndex={0}>{formula}</pre>
        <p>{numbers}</p>
      </details>
    </div>
  );
}

export type QuestionName = keyof typeof texts.questions;

/** A question that arises here, with its answer. */
export function Question({ name }: { readonly name: QuestionName }) {
  const { question, answer } = texts.questions[name];
  return (
    <details class="question" id={`question-${name}`}>
      <summary>{question}</summary>
      <Prose text={answer} />
    </details>
  );
}

export type SectionName = keyof typeof texts.sections;

export type PuzzleName = 'columns' | 'channels' | 'writing' | 'output';

interface SectionProps {
  readonly name: SectionName;
  readonly children: ComponentChildren;
}

export function Section({ name, children }: SectionProps) {
  return (
    <section class="inside-section" id={`section-${name}`} aria-labelledby={`title-${name}`}>
      <h3 id={`title-${name}`} tabIndex={-1}>
        {texts.sections[name]}
      </h3>
      {children}
    </section>
  );
}
