import { computed, signal } from '@preact/signals';
import type { Look } from '../../lab/protocol.js';
import type { NetworkSpec } from '../../spec/layers.js';
import type { Run } from '../../state/runs.js';
import { BEGINNING, type Drawing, type Stroke, withStroke } from './drawing.js';

/*
 * What the view keeps while others are shown. The digit that comes of it is in state/digit.ts.
 */

export const history = signal(BEGINNING);

/** What is being drawn at the moment; null between strokes. */
export const stroke = signal<Stroke | null>(null);

export const drawing = computed<Drawing>(() => {
  const { present } = history.value;
  return stroke.value ? withStroke(present, stroke.value) : present;
});

/** The brush's width, in cells. Strokes of MNIST are some 2.5 pixels wide. */
export const brush = signal(2.5);

export type Explanation = 'none' | 'gradient' | 'occlusion';
export const explanation = signal<Explanation>('none');

/** Whether the feature maps are in sight, so that they are worth asking for. */
export const areMapsSeen = signal(false);

/** What a network said of a digit. */
export interface Answer {
  /** `[28, 28]` */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly run: Run;
  readonly network: NetworkSpec;
  readonly look: Look;
}

/** The newest; null without a digit, or without a network. */
export const answer = signal<Answer | null>(null);

/** The newest with the outputs of all layers; it stays while they are out of sight. */
export const mapped = signal<Answer | null>(null);

/** The newest with an occlusion, which is asked for after a pause, as it takes hundreds of passes. */
export const occluded = signal<Answer | null>(null);

/** Why the digit of the drawing, or the network's answer, can't be had; null if it can. */
export const trouble = signal<string | null>(null);
