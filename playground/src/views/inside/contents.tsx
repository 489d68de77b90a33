import { GLOSSARY, type TermName } from '../../texts/glossary.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Jump } from './jump.js';
import { type PuzzleName, type QuestionName, Section, type SectionName } from './words.js';

const texts = INSIDE_TEXTS;

/** In the order in which they arise on the page. */
const QUESTIONS = Object.keys(texts.questions) as QuestionName[];
const PUZZLES: readonly PuzzleName[] = ['columns', 'channels', 'writing', 'output'];
const SECTIONS = Object.keys(texts.sections) as SectionName[];

/** What is on the page: its sections in one line, and the ten questions and the puzzles for who wants them. */
export function Contents() {
  return (
    <nav class="contents" aria-label={texts.contents.title}>
      <ul class="jumps">
        {SECTIONS.map((name) => (
          <li key={name}>
            <Jump to={`section-${name}`}>{texts.contents.short[name]}</Jump>
          </li>
        ))}
      </ul>
      <details>
        <summary>{texts.contents.more}</summary>
        <div class="contents-lists">
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
        </div>
      </details>
    </nav>
  );
}

/** All the words that are explained, once. */
export function Glossary() {
  return (
    <Section name="words">
      <dl class="glossary">
        {(Object.keys(GLOSSARY) as TermName[]).map((name) => (
          <div key={name}>
            <dt>
              <dfn>{GLOSSARY[name].word}</dfn>
            </dt>
            <dd>{GLOSSARY[name].told}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
