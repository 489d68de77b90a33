import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_EXPERIMENT, OPTIMIZERS } from '../../playground/src/spec/experiment.js';
import { kindOf } from '../../playground/src/spec/kinds.js';
import {
  decodeLink,
  encodeLink,
  type LinkContent,
  LinkError,
} from '../../playground/src/spec/link.js';
import { LIMITS } from '../../playground/src/spec/network.js';
import { PRESETS } from '../../playground/src/spec/presets.js';

const strict = { ...DEFAULT_EXPERIMENT, strict: true };
const noise = Uint8Array.from({ length: 784 }, (_, i) => (i * i * 37 + (i >> 3) * 91) % 256);
const whole: LinkContent = {
  experiment: {
    network: PRESETS['cnn-bn'],
    optimizer: { ...OPTIMIZERS.sgd, nesterov: true },
    batchSize: 33,
    augmentation: 'elastic',
    seed: 2 ** 32 - 1,
    strict: true,
  },
  digit: { pixels: noise, label: 7 },
  result: { steps: 1234, fingerprint: '0123cdef' },
};
const bare: LinkContent = { experiment: strict, digit: null, result: null };

/** The text of a link with this content, whatever it is. */
const linkOf = (content: unknown, behind: Uint8Array = new Uint8Array()): string =>
  linkOfBytes(Buffer.concat([Buffer.from(`${JSON.stringify(content)}\n`), behind]));
const linkOfBytes = (bytes: Uint8Array): string => `1${deflateSync(bytes).toString('base64url')}e`;
const right = [[['flatten'], ['linear', 10]], OPTIMIZERS.adam, 8, 'none', 1, null, null];
const rightWith = (at: number, value: unknown): unknown =>
  right.map((old, i) => (i === at ? value : old));

describe('a link', () => {
  it.each([whole, bare, { ...whole, digit: { pixels: noise, label: null } }])(
    'gives back what it was made of',
    async (content) => {
      expect(await decodeLink(await encodeLink(content))).toEqual(content);
    },
  );

  it('makes a run strict that was not', async () => {
    const { experiment } = await decodeLink(
      await encodeLink({ ...bare, experiment: DEFAULT_EXPERIMENT }),
    );
    expect(experiment).toEqual(strict);
  });

  it('that was made once can be opened for ever', async () => {
    expect(await decodeLink(OLD)).toEqual({
      // What the page began with then.
      experiment: {
        network: PRESETS.lenet,
        optimizer: { kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0 },
        batchSize: 64,
        augmentation: 'none',
        seed: 1,
        strict: true,
      },
      digit: {
        pixels: Uint8Array.from({ length: 784 }, (_, i) => (i % 28 === 14 ? 255 : 0)),
        label: 1,
      },
      result: { steps: 79, fingerprint: 'a1b2c3d4' },
    });
  });

  it('is short: some 200 characters without a digit, and below the limit with all that it may hold', async () => {
    expect((await encodeLink(bare)).length).toBeLessThan(250);
    const body = Array.from({ length: LIMITS.layers - 2 }, (_, i) => ({
      ...kindOf('conv').initial,
      channels: 1 + ((i * 5) % 13),
      kernel: 1,
      dilation: 1 + ((i * 3) % 14),
    }));
    const network = [...body, ...PRESETS.simple.slice(-2)];
    const largest = await encodeLink({ ...whole, experiment: { ...whole.experiment, network } });
    expect((await decodeLink(largest)).experiment.network).toEqual(network);
  });

  it('survives line breaks, spaces of no width, and the punctuation of a chat', async () => {
    const text = await encodeLink(whole);
    const folded = text.replaceAll(/.{70}/gu, '$&\r\n  ');
    for (const copied of [
      folded,
      `${text}.`,
      `${text})”`,
      ` ${text}>`,
      `${text.slice(0, 9)}\u200b${text.slice(9)}`,
    ]) {
      expect(await decodeLink(copied)).toEqual(whole);
    }
  });

  it('that is cut off anywhere says so', async () => {
    const text = await encodeLink(whole);
    for (let length = 0; length < text.length; length += 7) {
      await expect(decodeLink(text.slice(0, length))).rejects.toThrow(LinkError);
    }
    await expect(decodeLink(text.slice(0, -1))).rejects.toThrow('cut off');
    await expect(decodeLink('')).rejects.toThrow('holds nothing');
  });

  it('of which a character was changed says so, and never holds something else', async () => {
    const text = await encodeLink(whole);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: text.length - 1 }),
        fc.constantFrom(...'AZaz09-_é%=+/ '),
        async (at, character) => {
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          const held = await decodeLink(changed).catch((error: unknown) => error);
          if (held instanceof LinkError) return;
          expect(held).toEqual(whole);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  it.each<[string, string, string]>([
    ['a newer version', '2abce', 'newer version'],
    ['too many characters', `1${'A'.repeat(5000)}e`, 'longer than 4096 characters'],
    [
      'gigabytes of zeros',
      linkOfBytes(new Uint8Array(2_000_000)),
      'more than a network and a digit',
    ],
    ['no line', linkOfBytes(Buffer.from('[]')), 'damaged'],
    ['no JSON', linkOfBytes(Buffer.from('[}\n')), 'damaged'],
    ['nested lists', linkOfBytes(Buffer.from(`${'['.repeat(16_000)}\n`)), 'damaged'],
    ['no list', linkOf({}), 'damaged'],
    ['a short list', linkOf(right.slice(1)), 'damaged'],
    ['half a digit', linkOf(right, noise.subarray(1)), 'damaged'],
    ['a digit and more', linkOf(right, new Uint8Array(785)), 'damaged'],
    ['a label that is no digit', linkOf(rightWith(5, 10), noise), 'damaged'],
    ['steps that nobody waits for', linkOf(rightWith(6, [1e9, '01234567'])), 'damaged'],
    ['a fingerprint that is none', linkOf(rightWith(6, [1, '<script>'])), 'damaged'],
    ['a result of one number', linkOf(rightWith(6, 7)), 'damaged'],
    ['a network that is no list', linkOf(rightWith(0, 'lenet')), 'expected a list of layers'],
    ['a layer that is no list', linkOf(rightWith(0, [7])), 'layer 1, kind: expected one of'],
    [
      'a layer of no kind',
      linkOf(rightWith(0, [['__proto__', 1]])),
      'layer 1, kind: expected one of',
    ],
    ['a layer with a field too many', linkOf(rightWith(0, [['relu', 1]])), 'damaged'],
    [
      'a flag of 2',
      linkOf(rightWith(0, [['conv', 8, 3, 1, 0, 1, 1, 2]])),
      'bias: expected true or false',
    ],
    ['a network that can’t be', linkOf(rightWith(0, [['linear', 10]])), 'put a flatten before it'],
    ['an impossible rate', linkOf(rightWith(1, { ...OPTIMIZERS.adam, lr: -1 })), 'Learning rate'],
    ['too large a batch', linkOf(rightWith(2, 1e9)), 'Batch: expected'],
  ])('that holds %s is refused with the reason', async (_what, text, reason) => {
    await expect(decodeLink(text)).rejects.toThrow(LinkError);
    await expect(decodeLink(text)).rejects.toThrow(reason);
  });

  it('of any characters is refused, and nothing else goes wrong', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        await expect(decodeLink(text)).rejects.toThrow(LinkError);
        await expect(decodeLink(`1${text}e`)).rejects.toThrow(LinkError);
      }),
      { seed: 6, numRuns: 60 },
    );
  });
});

/** Of version 1; it must not be made anew, as it stands for those that people have sent each other. */
const OLD =
  '1eJztjrEOgjAYhJl9jJv_mFYBhdkHcG86VPhBYmkTqKgxPrsGnBxMnA13y12-G04phcK7AbSlhCQJkqM1KXRszxhDa6577y1oNbb3WqY_zitrQmA3Eds4Nh1ICq3pjlPjSuTo6xIE2yEXS5EQWt-yC-d27BnBcR-48wPyytieCRdu6mPYcWFuyMWD0pjgvGNMX9QmIxh5WBXrMobWi-hDz-i7Zjaz_2cvvNJd3Qe';
