import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { NumberGrid } from '../../parts/number-grid.js';
import { type Convolution, dWeightAt, dXAt } from '../../spec/convolution/convolution.js';
import { EXAMPLES, exampleOf } from '../../spec/convolution/examples.js';
import { geometryOf } from '../../spec/convolution/geometry.js';
import {
  columnByPositions,
  columnOfPatch,
  lastTwoSwapped,
  outputTimesUnfoldedAt,
  reversed,
  writtenAt,
} from '../../spec/convolution/mistakes.js';
import { announce } from '../../state/announcement.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { brief } from './numbers.js';
import { roomOf } from './room.js';
import { type PuzzleName, Section } from './words.js';

const texts = INSIDE_TEXTS.puzzles;

/** The four mistakes of common sources, for the learner to find. */
export function Puzzles() {
  return (
    <Section name="puzzles">
      <p>{texts.intro}</p>
      <div class="puzzles">
        <Columns />
        <Channels />
        <Writing />
        <Output />
      </div>
    </Section>
  );
}

interface Line {
  readonly code: string;
  /** What is said of the line when it is chosen. */
  readonly told: string;
  /** The line as it should be; none for one that is. */
  readonly right?: string;
}

interface PuzzleProps {
  readonly name: PuzzleName;
  readonly title: string;
  readonly story: string;
  readonly lines: readonly Line[];
  /** Shown with the question, such as the wrong result. */
  readonly given?: ComponentChildren;
  /** Shown when all is found. */
  readonly children: ComponentChildren;
}

function Puzzle({ name, title, story, lines, given, children }: PuzzleProps) {
  const [chosen, setChosen] = useState<readonly number[]>([]);
  const [isTold, setTold] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  /** The line that was shown first, until it has the focus. */
  const shownFirst = useRef<number | null>(null);
  const wrong = lines.flatMap(({ right }, i) => (right === undefined ? [] : [i]));
  const left = wrong.filter((i) => !chosen.includes(i)).length;
  const isSolved = left === 0;
  const choose = (index: number, { told, right }: Line): void => {
    const next = [...new Set([...chosen, index])];
    setChosen(next);
    const found = right === undefined ? texts.fine : texts.found;
    const isLast = right !== undefined && wrong.every((i) => next.includes(i));
    announce([found, told, ...(isLast ? [texts.solved] : [])].join(' '));
  };
  const show = (): void => {
    const unfound = wrong.filter((i) => !chosen.includes(i));
    shownFirst.current = unfound[0] ?? null;
    setTold(true);
    setChosen(lines.map((_, i) => i));
    announce(
      unfound
        .map((i) => texts.shown(lines[i]?.code.trim() ?? '', lines[i]?.right?.trim() ?? ''))
        .join(' '),
    );
  };
  // The button that was pressed is gone, and the focus would go with it.
  useLayoutEffect(() => {
    const index = shownFirst.current;
    if (index === null) return;
    shownFirst.current = null;
    list.current?.children[index]?.querySelector<HTMLElement>('.told')?.focus();
  }, [isTold]);
  return (
    <article class="panel puzzle" id={`puzzle-${name}`}>
      <h4 tabIndex={-1}>{title}</h4>
      <p>{story}</p>
      {given}
      <ol ref={list}>
        {lines.map((line, index) => {
          const isChosen = chosen.includes(index);
          const isWrong = line.right !== undefined;
          return (
            <li key={line.code}>
              <button
                type="button"
                class={isChosen ? (isWrong ? 'found' : 'fine') : ''}
                aria-pressed={isChosen}
                onClick={() => choose(index, line)}
              >
                <code>{line.code}</code>
              </button>
              {isChosen && (
                <p class="told" tabIndex={-1}>
                  <b>{isWrong ? texts.found : texts.fine}</b> {line.told}
                  {isWrong && (
                    <>
                      {' '}
                      {texts.is} <code>{line.right?.trim()}</code>
                      {!isSolved && ` ${texts.left(left)}`}
                    </>
                  )}
                </p>
              )}
            </li>
          );
        })}
      </ol>
      {isSolved ? (
        <div class="solved">
          {!isTold && (
            <p>
              <b>{texts.solved}</b>
            </p>
          )}
          {children}
        </div>
      ) : (
        <button type="button" onClick={show}>
          {texts.show}
        </button>
      )}
    </article>
  );
}

/** The 4×4 image, which all puzzles but the first are about. */
const SMALL: Convolution = exampleOf(EXAMPLES[0], EXAMPLES[0].setting, 0);

function Columns() {
  const { title, story, lines, fine, right, told, table, after } = texts.columns;
  const { setting } = EXAMPLES[1];
  const geometry = geometryOf(setting);
  const patches = Array.from({ length: geometry.p }, (_, r) => r);
  return (
    <Puzzle
      name="columns"
      title={title}
      story={story}
      lines={[
        { code: lines.count, told: fine.count },
        { code: lines.row, told: fine.row },
        { code: lines.column, told, right },
        { code: lines.copy, told: fine.copy },
      ]}
    >
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{table.patch}</th>
            <th scope="col">{table.wrong}</th>
            <th scope="col">{table.right}</th>
          </tr>
        </thead>
        <tbody>
          {patches.map((r) => (
            <tr key={r}>
              <td>{r}</td>
              <td>{columnByPositions(geometry, r)}</td>
              <td>{columnOfPatch(geometry, r)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>{after(columnByPositions(geometry, 2))}</p>
    </Puzzle>
  );
}

function Channels() {
  const { title, story, lines, fine, right, told, after } = texts.channels;
  const { N, C, p } = SMALL.geometry;
  return (
    <Puzzle
      name="channels"
      title={title}
      story={story}
      lines={[
        { code: lines.unfold, told: fine.unfold },
        { code: lines.gradient, told, right },
        { code: lines.product, told: fine.product },
        { code: lines.sum, told: fine.sum },
      ]}
    >
      <p>{after(N * 2 * p, N * C * p)}</p>
    </Puzzle>
  );
}

function Writing() {
  const { title, story, lines, fine, right, told, wrongGrid, rightGrid, after } = texts.writing;
  const six = { c: 0, h: 1, w: 1 };
  return (
    <Puzzle
      name="writing"
      title={title}
      story={story}
      given={<FoldGrid isRight={false} label={wrongGrid} />}
      lines={[
        { code: lines.zeros, told: fine.zeros },
        { code: lines.loop, told: fine.loop },
        { code: lines.pixel, told: fine.pixel },
        { code: lines.write, told, right },
      ]}
    >
      <p>{after(writtenAt(SMALL, 0, six), dXAt(SMALL, 0, six))}</p>
      <FoldGrid isRight label={rightGrid} />
    </Puzzle>
  );
}

function FoldGrid({ isRight, label }: { readonly isRight: boolean; readonly label: string }) {
  const { H, W } = SMALL.geometry;
  return (
    <>
      <p class="caption">{label}</p>
      <NumberGrid
        label={label}
        rows={H}
        columns={W}
        characters={3}
        room={roomOf()}
        follow={[]}
        look={({ row, column }) => {
          const pixel = { c: 0, h: row, w: column };
          const value = isRight ? dXAt(SMALL, 0, pixel) : writtenAt(SMALL, 0, pixel);
          return { text: brief(value), name: texts.writing.cell(row, column, brief(value)) };
        }}
      />
    </>
  );
}

function Output() {
  const { title, story, lines, fine, rights, toldGradient, toldSwap, after } = texts.output;
  const U = [1, 9, 784];
  const elements = Array.from({ length: SMALL.geometry.k }, (_, e) => e);
  const listed = (value: (e: number) => number): string =>
    elements.map((e) => brief(value(e))).join(', ');
  return (
    <Puzzle
      name="output"
      title={title}
      story={story}
      lines={[
        { code: lines.unfold, told: fine.unfold },
        { code: lines.gradient, told: toldGradient, right: rights.gradient },
        {
          code: lines.swap,
          told: toldSwap(shape(reversed(U)), shape(lastTwoSwapped(U))),
          right: rights.swap,
        },
        { code: lines.product, told: fine.product },
      ]}
    >
      <p>
        {after(
          listed((e) => outputTimesUnfoldedAt(SMALL, 0, 0, e)),
          listed((e) => dWeightAt(SMALL, 0, e)),
        )}
      </p>
    </Puzzle>
  );
}

const shape = (sizes: readonly number[]): string => `[${sizes.join(', ')}]`;
