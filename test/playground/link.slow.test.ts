import { createServer, type Server } from 'node:http';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_EXPERIMENT } from '../../playground/src/spec/experiment.js';
import { decodeLink, encodeLink, type LinkContent } from '../../playground/src/spec/link.js';
import { BROWSERS, type Driver } from '../browser/drivers.js';

const content: LinkContent = {
  experiment: { ...DEFAULT_EXPERIMENT, strict: true },
  digit: { pixels: Uint8Array.from({ length: 784 }, (_, i) => (i * i) % 256), label: 3 },
  result: { steps: 79, fingerprint: '0123cdef' },
};

/** A page that has the functions of link.ts in its global `links`. */
function page(): string {
  const [script] = buildSync({
    entryPoints: ['playground/src/spec/link.ts'],
    bundle: true,
    format: 'iife',
    globalName: 'links',
    target: 'es2022',
    write: false,
  }).outputFiles;
  return `<!doctype html><meta charset="utf-8"><script>${script?.text ?? ''}</script>`;
}

describe.each(BROWSERS)('a link in $name', ({ launch, missing }) => {
  let driver: Driver;
  let server: Server;
  let url: string;
  const evaluate = <T>(expression: string): Promise<T> => driver.evaluate<T>(url, expression);

  beforeAll(async () => {
    if (missing !== null) throw new Error(missing);
    driver = await launch();
    const html = page();
    server = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(html);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the server has no port');
    url = `http://127.0.0.1:${address.port}/`;
  });
  afterAll(async () => {
    await driver?.close();
    server?.close();
  });

  it('that was made there is opened elsewhere, and the other way round', async () => {
    const plain = JSON.stringify({
      ...content,
      digit: { pixels: [...(content.digit?.pixels ?? [])], label: content.digit?.label },
    });
    const made = await evaluate<string>(
      `((content) => links.encodeLink({ ...content, digit: {
        ...content.digit, pixels: new Uint8Array(content.digit.pixels) } }))(${plain})`,
    );
    expect(await decodeLink(made)).toEqual(content);
    const held = await evaluate<string>(
      `links.decodeLink(${JSON.stringify(await encodeLink(content))})
        .then(({ digit, ...rest }) =>
          JSON.stringify({ ...rest, digit: { ...digit, pixels: [...digit.pixels] } }))`,
    );
    expect(JSON.parse(held)).toEqual(JSON.parse(plain));
  });

  it('that is cut off, damaged, or holds gigabytes of zeros is refused with the reason', async () => {
    const text = await encodeLink(content);
    const bomb = await evaluate<string>(
      `new Response(new Blob([new Uint8Array(2_000_000)]).stream()
        .pipeThrough(new CompressionStream('deflate'))).arrayBuffer()
        .then((bytes) => '1' + btoa(String.fromCharCode(...new Uint8Array(bytes)))
          .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') + 'e')`,
    );
    const broken = [
      ...[0, 1, 2, 10, 100, -2, -1].map((end) => text.slice(0, end)),
      ...[10, 100, 300].map((end) => `${text.slice(0, end)}e`),
      ...[5, 50, 200].map(
        (at) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`,
      ),
      bomb,
      '1<script>alert(1)</script>e',
    ];
    const answers = await evaluate<string[]>(
      `Promise.all(${JSON.stringify(broken)}.map((text) => links.decodeLink(text)
        .then(() => 'opened', (error) => error instanceof links.LinkError ? error.message : 'threw ' + error)))`,
    );
    for (const answer of answers) {
      expect(answer).toMatch(/^The link (?:holds nothing|is cut off|is damaged|holds more than)/u);
    }
    expect(answers.at(-2)).toMatch('more than a network and a digit');
  });
});
