import { announce } from '../../state/announcement.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { type Drawing, EMPTY, goOn, type History, isEmpty, redo, undo } from './drawing.js';
import { history, stroke } from './state.js';

const { pad } = DRAW_TEXTS;

export const stepBack = (): void => change(undo(history.value), pad.undone);
export const stepForward = (): void => change(redo(history.value), pad.redone);

/** Empties the drawing area, which can be undone. */
export function wipe(): void {
  if (!isEmpty(history.value.present)) change(goOn(history.value, EMPTY), pad.cleared);
}

/** Puts another drawing in the place of this one, which can be undone. */
export const replaceBy = (drawing: Drawing, sentence: string): void =>
  change(goOn(history.value, drawing), sentence);

function change(next: History, sentence: string): void {
  if (next === history.value) return;
  stroke.value = null;
  history.value = next;
  announce(sentence);
}
