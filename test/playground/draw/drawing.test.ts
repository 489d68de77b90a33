import { describe, expect, it } from 'vitest';
import {
  BEGINNING,
  type Drawing,
  EMPTY,
  extended,
  goOn,
  type History,
  isEmpty,
  redo,
  undo,
  withStroke,
} from '../../../playground/src/views/draw/drawing.js';

const point = (x: number, y: number) => ({ x, y, radius: 1 });
const first: Drawing = withStroke(EMPTY, [point(1, 2)]);
const second: Drawing = withStroke(first, [point(3, 4), point(5, 6)]);
const drawn: History = goOn(goOn(BEGINNING, first), second);

describe('the history of a drawing', () => {
  it('goes back stroke by stroke to the empty area, and stays there', () => {
    const shown = [drawn, undo(drawn), undo(undo(drawn)), undo(undo(undo(drawn)))];
    expect(shown.map(({ present }) => present.strokes.length)).toEqual([2, 1, 0, 0]);
    expect(undo(BEGINNING)).toBe(BEGINNING);
  });

  it('goes forward again to the same drawings, and stays at the last', () => {
    const back = undo(undo(drawn));
    expect(redo(back).present).toBe(first);
    expect(redo(redo(back)).present).toBe(second);
    expect(redo(drawn)).toBe(drawn);
  });

  it('forgets what was undone once one draws on', () => {
    const other = withStroke(first, [point(9, 9)]);
    const gone = goOn(undo(drawn), other);
    expect(redo(gone)).toBe(gone);
    expect(undo(gone).present).toBe(first);
  });

  it('lets a cleared drawing come back', () => {
    const cleared = goOn(drawn, EMPTY);
    expect(isEmpty(cleared.present)).toBe(true);
    expect(undo(cleared).present).toBe(second);
  });

  it('keeps the last 200 steps', () => {
    let history = BEGINNING;
    for (let i = 0; i < 250; i++) history = goOn(history, withStroke(EMPTY, [point(i, 0)]));
    let steps = 0;
    for (; history.past.length > 0; history = undo(history)) steps++;
    expect(steps).toBe(200);
    expect(history.present.strokes).toEqual([[point(49, 0)]]);
  });
});

describe('a stroke', () => {
  it('grows by points, without those that are next to the last one', () => {
    const stroke = [point(1, 1), point(1.05, 1), point(1.2, 1)].reduce(extended, []);
    expect(stroke).toEqual([point(1, 1), point(1.2, 1)]);
  });

  it('keeps what is below it', () => {
    const base = { pixels: new Uint8Array(784), label: 3 };
    expect(withStroke({ base, strokes: [] }, [point(0, 0)]).base).toBe(base);
  });
});
