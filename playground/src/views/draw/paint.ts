import { type Base, type Drawing, SIDE, type Stroke } from './drawing.js';

/** Where the keyboard's brush is. */
export interface Brush {
  readonly column: number;
  readonly row: number;
  readonly isDown: boolean;
  /** In cells. */
  readonly radius: number;
}

/** Paints the drawing light on black, as the network sees it, over the whole of a square canvas. */
export function paintDrawing(
  canvas: HTMLCanvasElement,
  { base, strokes }: Drawing,
  cursor: Brush | null,
): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const cell = canvas.width / SIDE;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (base) paintBase(context, base, canvas.width);
  context.setTransform(cell, 0, 0, cell, 0, 0);
  context.strokeStyle = context.fillStyle = '#fff';
  context.lineCap = context.lineJoin = 'round';
  for (const stroke of strokes) paintStroke(context, stroke);
  if (cursor) paintCursor(context, cursor);
}

function paintBase(context: CanvasRenderingContext2D, { pixels }: Base, size: number): void {
  const small = document.createElement('canvas');
  small.width = small.height = SIDE;
  const image = new ImageData(SIDE, SIDE);
  for (const [i, level] of pixels.entries()) image.data.set([level, level, level, 255], 4 * i);
  small.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, size, size);
}

function paintStroke(context: CanvasRenderingContext2D, stroke: Stroke): void {
  const [first] = stroke;
  if (!first) return;
  context.beginPath();
  context.arc(first.x, first.y, first.radius, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 2 * first.radius;
  // One line as long as the width stays: lines that overlap would have thicker edges there.
  let from = first;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const point of stroke.slice(1)) {
    const width = from.radius + point.radius;
    if (width !== context.lineWidth) {
      context.stroke();
      context.beginPath();
      context.moveTo(from.x, from.y);
      // A pen's pressure changes the width from point to point.
      context.lineWidth = width;
    }
    context.lineTo(point.x, point.y);
    from = point;
  }
  context.stroke();
}

/** A ring as wide as the brush, seen on ink and on black; full while it draws. */
function paintCursor(context: CanvasRenderingContext2D, cursor: Brush): void {
  const { column, row, isDown, radius } = cursor;
  for (const [colour, width] of [
    ['#000', 0.7],
    ['#4ea1ff', 0.35],
  ] as const) {
    context.beginPath();
    context.arc(column + 0.5, row + 0.5, radius + 0.3, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
  if (!isDown) return;
  context.fillStyle = '#4ea1ff';
  context.fill();
}
