import type { ComponentChildren } from 'preact';
import { INSIDE_TEXTS } from '../../texts/inside.js';

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
      <p>{words.join(' ')}</p>
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
      <p>{answer}</p>
    </details>
  );
}

export type SectionName = keyof typeof texts.sections;

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

/** In the order in which they arise on the page. */
const QUESTIONS = Object.keys(texts.questions) as QuestionName[];
const PUZZLES = ['columns', 'channels', 'writing', 'output'] as const;
export type PuzzleName = (typeof PUZZLES)[number];
const SECTIONS = Object.keys(texts.sections) as SectionName[];

/** What is on the page, with the ten questions and the puzzles. */
export function Contents() {
  return (
    <details class="panel contents">
      <summary>{texts.contents.title}</summary>
      <nav aria-label={texts.contents.title} class="contents-lists">
        <ul>
          {SECTIONS.map((name) => (
            <li key={name}>
              <Jump to={`section-${name}`}>{texts.sections[name]}</Jump>
            </li>
          ))}
        </ul>
        <div>
          <h3>{texts.contents.questions}</h3>
          <ol>
            {QUESTIONS.map((name) => (
              <li key={name}>
                <Jump to={`question-${name}`}>{texts.questions[name].question}</Jump>
              </li>
            ))}
          </ol>
        </div>
        <div>
          <h3>{texts.contents.puzzles}</h3>
          <ol>
            {PUZZLES.map((name) => (
              <li key={name}>
                <Jump to={`puzzle-${name}`}>{texts.puzzles[name].title}</Jump>
              </li>
            ))}
          </ol>
        </div>
      </nav>
    </details>
  );
}

interface JumpProps {
  readonly to: string;
  readonly children: ComponentChildren;
}

/** A link inside the page: the address says the view, so it stays. */
function Jump({ to, children }: JumpProps) {
  return (
    <a
      href={`#${to}`}
      onClick={(event) => {
        event.preventDefault();
        const target = document.getElementById(to);
        if (target instanceof HTMLDetailsElement) target.open = true;
        const focused = target?.querySelector<HTMLElement>('summary, h3, h4');
        target?.scrollIntoView({ block: 'start' });
        focused?.focus({ preventScroll: true });
      }}
    >
      {children}
    </a>
  );
}
