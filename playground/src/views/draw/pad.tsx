import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { extended, goOn, type Point, SIDE, withStroke } from './drawing.js';
import { paintDrawing } from './paint.js';
import { brush, drawing, history, stroke } from './state.js';
import { stepBack, stepForward, wipe } from './steps.js';

const { pad } = DRAW_TEXTS;

/** Where the keyboard's brush is, in cells, and whether it draws. */
interface Cursor {
  readonly column: number;
  readonly row: number;
  readonly isDown: boolean;
}

const MIDDLE: Cursor = { column: SIDE / 2, row: SIDE / 2, isDown: false };

/** The drawing area, for pointers of any kind and for the keyboard. */
export function Pad() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal(0);
  const cursor = useSignal(MIDDLE);
  /** Whether the keyboard's brush is to be seen. */
  const isSteered = useSignal(false);
  const pointer = useRef<number | null>(null);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      size.value = Math.round(element.clientWidth * devicePixelRatio);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [size]);

  useSignalEffect(() => {
    const element = canvas.current;
    if (!element || size.value === 0) return;
    if (element.width !== size.value) element.width = element.height = size.value;
    const { column, row, isDown } = cursor.value;
    paintDrawing(
      element,
      drawing.value,
      isSteered.value ? { column, row, isDown, radius: brush.value / 2 } : null,
    );
  });

  const finish = ({ pointerId }: PointerEvent): void => {
    if (pointerId !== pointer.current) return;
    pointer.current = null;
    if (stroke.value) endStroke();
  };

  const lift = (): void => {
    if (stroke.value) endStroke();
    cursor.value = { ...cursor.value, isDown: false };
  };

  const move = (columns: number, rows: number): void => {
    const { column, row, isDown } = cursor.value;
    const within = (place: number): number => Math.max(0, Math.min(SIDE - 1, place));
    const next = { column: within(column + columns), row: within(row + rows), isDown };
    cursor.value = next;
    if (isDown) stroke.value = extended(stroke.value ?? [], pointOf(next));
    announce(pad.cell(next.row + 1, next.column + 1, isDown));
  };

  const toggle = (): void => {
    if (cursor.value.isDown) {
      lift();
      announce(pad.up);
      return;
    }
    cursor.value = { ...cursor.value, isDown: true };
    stroke.value = [pointOf(cursor.value)];
    announce(pad.down);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (isShortcut(event)) {
      event.preventDefault();
      lift();
      if (event.shiftKey || event.key === 'y') stepForward();
      else stepBack();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 10 : 1;
    const act = {
      ArrowLeft: () => move(-far, 0),
      ArrowRight: () => move(far, 0),
      ArrowUp: () => move(0, -far),
      ArrowDown: () => move(0, far),
      ' ': toggle,
      Escape: () => cursor.value.isDown && toggle(),
      Delete: wipe,
      Backspace: wipe,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    isSteered.value = true;
    if (act === wipe) lift();
    act();
  };

  const onPointerDown = (event: PointerEvent): void => {
    if (pointer.current !== null || event.button !== 0) return;
    lift();
    isSteered.value = false;
    pointer.current = event.pointerId;
    canvas.current?.setPointerCapture(event.pointerId);
    stroke.value = [placeOf(event)];
  };

  const onPointerMove = (event: PointerEvent): void => {
    if (event.pointerId !== pointer.current || !stroke.value) return;
    stroke.value = movesOf(event).map(placeOf).reduce(extended, stroke.value);
  };

  const placeOf = (event: PointerEvent): Point => {
    const { left, top, width = 1, height = 1 } = canvas.current?.getBoundingClientRect() ?? {};
    return {
      x: (SIDE * (event.clientX - (left ?? 0))) / width,
      y: (SIDE * (event.clientY - (top ?? 0))) / height,
      radius: (brush.value / 2) * pressureOf(event),
    };
  };

  return (
    <canvas
      ref={canvas}
      class="draw-pad"
      tabIndex={0}
      role="application"
      aria-roledescription={pad.role}
      aria-label={pad.label}
      aria-describedby="draw-help"
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        isSteered.value = event.currentTarget.matches(':focus-visible');
      }}
      onBlur={() => {
        lift();
        isSteered.value = false;
      }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={finish}
      onPointerCancel={finish}
      onLostPointerCapture={finish}
    />
  );
}

function endStroke(): void {
  const done = stroke.value;
  stroke.value = null;
  if (done) history.value = goOn(history.value, withStroke(history.value.present, done));
}

const pointOf = ({ column, row }: Cursor): Point => ({
  x: column + 0.5,
  y: row + 0.5,
  radius: brush.value / 2,
});

/** All places since the last event: browsers put several into one. Some know none of them. */
function movesOf(event: PointerEvent): readonly PointerEvent[] {
  const moves = 'getCoalescedEvents' in event ? event.getCoalescedEvents() : [];
  return moves.length > 0 ? moves : [event];
}

/** A pen that is pressed as one usually does is as wide as a mouse. */
const pressureOf = ({ pointerType, pressure }: PointerEvent): number =>
  pointerType === 'pen' && pressure > 0 ? 0.5 + pressure : 1;

const isShortcut = ({ key, ctrlKey, metaKey }: KeyboardEvent): boolean =>
  (ctrlKey || metaKey) && /^[zy]$/i.test(key);
