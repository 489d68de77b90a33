import { batch, computed, effect, signal } from '@preact/signals';
import type { Convolution } from '../../spec/convolution/convolution.js';
import { type Example, EXAMPLES, exampleOf } from '../../spec/convolution/examples.js';
import { patchOf, type Shown, shownFor } from '../../spec/convolution/follow.js';
import { misfitOf, type Setting } from '../../spec/convolution/geometry.js';
import { isPixel, type Place } from '../../spec/convolution/links.js';
import { announce } from '../../state/announcement.js';
import { route } from '../../state/route.js';
import { isLayer, layerAtHand } from './layer.js';
import { sentenceOf } from './sentences.js';

/* What the view shows, and what is pointed at; all its parts read it here. */

/** The example that the address names; null for a layer of the network. */
export const example = computed<Example | null>(() => {
  const { view, what } = route.value;
  if (view !== 'inside') return null;
  return EXAMPLES.find(({ name }) => name === what) ?? (isLayer(what) ? null : EXAMPLES[0]);
});

/** What the sliders say; it may be no convolution. */
export const setting = signal<Setting>(EXAMPLES[0].setting);
/** 0 for the example's own numbers. */
export const seed = signal(0);

/** Why the sliders' setting is no convolution; null if it is one. */
export const misfit = computed(() => misfitOf(setting.value));

let lastExample: Convolution = exampleOf(EXAMPLES[0], EXAMPLES[0].setting, 0);
const exampleConvolution = computed<Convolution>(() => {
  // A setting that is none leaves the last one in sight.
  if (misfit.value === null) {
    lastExample = exampleOf(example.value ?? EXAMPLES[0], setting.value, seed.value);
  }
  return lastExample;
});

/** What is looked into; null while there is none. */
export const convolution = computed<Convolution | null>(() => {
  if (example.value) return exampleConvolution.value;
  const layer = layerAtHand.value;
  return layer.state === 'ready' ? layer.convolution : null;
});

/** The image of the batch. */
export const image = signal(0);
/** What stays pointed at when nothing else is. */
export const chosen = signal<Place>({ in: 'out', o: 0, r: 0 });
/** What the pointer is over. */
export const hovered = signal<Place | null>(null);
export const pointed = computed<Place>(() => hovered.value ?? chosen.value);

const kept = signal<Shown>({ o: 0, c: 0 });
/** The channels that are looked at. */
export const shown = computed<Shown>(() => {
  const given = convolution.value;
  return given ? shownFor(given.geometry, pointed.value, kept.value) : kept.value;
});

/** The patch that Step and Play stand at. */
export const position = signal(0);

/* Layers to switch on. */
export const counts = signal(false);
export const tints = signal(true);
/** Whether dX is shown as far as the patches up to the position have been added. */
export const watched = signal(false);

/** Begins at the first patch: what was pointed at may not be there any more. */
export function rewind(): void {
  batch(() => {
    image.value = 0;
    position.value = 0;
    hovered.value = null;
    chosen.value = { in: 'out', o: 0, r: 0 };
    kept.value = { o: 0, c: 0 };
  });
}

/** Points at a cell until another one is chosen, and says its sentence. */
export function choose(place: Place): void {
  const given = convolution.peek();
  if (!given) return;
  batch(() => {
    kept.value = shownFor(given.geometry, place, kept.peek());
    chosen.value = place;
    hovered.value = null;
    const patch = patchOf(given.geometry, place);
    if (patch !== null && !isPixel(place)) position.value = patch;
  });
  announce(sentenceOf(given, image.peek(), place));
}

/** Looks at another channel. */
export function look(channels: Partial<Shown>): void {
  const given = convolution.peek();
  if (!given) return;
  const { groupC, k } = given.geometry;
  const r = position.peek();
  if (channels.o !== undefined) choose({ in: 'out', o: channels.o, r });
  if (channels.c !== undefined) {
    const size = k / groupC;
    choose({ in: 'U', e: channels.c * size, r });
  }
}

/** Goes to a patch: forwards to its output, backwards to the gradient that comes in there. */
export function stepTo(patch: number): void {
  const given = convolution.peek();
  if (!given) return;
  const r = Math.max(0, Math.min(given.geometry.p - 1, patch));
  choose({ in: watched.peek() ? 'dOut' : 'out', o: shown.peek().o, r });
}

/** Changes the setting of the example; channels and groups are kept such that the groups divide them. */
export function change(part: Partial<Setting>): void {
  batch(() => {
    const wanted = { ...setting.peek(), ...part };
    setting.value = part.groups === undefined ? withGroups(wanted) : withChannels(wanted);
    rewind();
  });
}

/** As many groups as asked for, or the most fewer that divide the channels. */
function withGroups(wanted: Setting): Setting {
  let { groups } = wanted;
  while (wanted.C % groups !== 0 || wanted.OC % groups !== 0) groups--;
  return { ...wanted, groups };
}

/** As many channels as asked for, or the fewest more that the groups divide. */
function withChannels(wanted: Setting): Setting {
  const { C, OC, groups } = wanted;
  const raised = (channels: number): number => Math.ceil(channels / groups) * groups;
  return { ...wanted, C: raised(C), OC: raised(OC) };
}

/** Other numbers, drawn. */
export function redraw(): void {
  // An example takes three seeds: for its image, weight and gradient.
  seed.value = seed.peek() + 3;
  rewind();
}

/** The example as it was. */
export function reset(): void {
  batch(() => {
    setting.value = (example.peek() ?? EXAMPLES[0]).setting;
    seed.value = 0;
    rewind();
  });
}

// An example that is gone to begins with its own setting and numbers; a layer with its first patch.
effect(() => {
  const { view } = route.value;
  const given = example.value;
  if (view !== 'inside') return;
  if (given) reset();
  else rewind();
});

// A layer begins in the middle of the image: at its edges there is often nothing to see.
let begun = '';
effect(() => {
  const layer = layerAtHand.value;
  const name = layer.state === 'ready' ? layer.name : '';
  if (layer.state === 'ready' && name !== begun) {
    const { OH, OW } = layer.convolution.geometry;
    const r = Math.floor(OH / 2) * OW + Math.floor(OW / 2);
    batch(() => {
      rewind();
      position.value = r;
      chosen.value = { in: 'out', o: 0, r };
    });
  }
  begun = name;
});
