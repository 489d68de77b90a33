import { signal } from '@preact/signals';

/** The width of the view, in pixels. */
export const viewWidth = signal(360);

/** What a panel's lines and margins take of it. */
const FRAME = 36;

/** The width that a grid in a panel of its own may take. */
export const roomOf = (): number => viewWidth.value - FRAME;

/** Of larger planes, as much is shown at once. */
export const PLANE_WINDOW = { maxRows: 10, maxColumns: 10 } as const;
