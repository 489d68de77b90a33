import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundled } from '../support/runs/bundled.js';
import { start, type Running } from '../support/runs/cli.js';

const PROGRESS = await bundled('test/support/programs/progress.ts');
const HELD = await bundled('test/support/programs/held.ts');

/** Programs start, with a machine that may be busy. */
const TIMEOUT = 60_000;
const ESCAPE = String.fromCharCode(27);
const CTRL_C = String.fromCharCode(3);

/** Runs shell commands on a terminal of their own, with `$RUN` for the program; stdin is typed there. */
function onTerminal(columns: number, commands: string): Running {
  const run = commands.replaceAll('$RUN', `${process.execPath} ${PROGRESS}`);
  const command = `stty cols ${columns} rows 24; export TERM=xterm; ${run}`;
  return start('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    FORCE_COLOR: undefined,
    NO_COLOR: '1',
  });
}

function barsIn(stdout: string): string[] {
  return stdout.split(ESCAPE).flatMap((text) => /epoch \d+\/\d+ [━─]+ .*/.exec(text) ?? []);
}

function expectCursor(stdout: string): void {
  for (const [on, off] of [
    ['[?25h', '[?25l'],
    ['[?7h', '[?7l'],
  ]) {
    expect(stdout).toContain(ESCAPE + String(off));
    expect(stdout.lastIndexOf(ESCAPE + String(on))).toBeGreaterThan(
      stdout.lastIndexOf(ESCAPE + String(off)),
    );
  }
}

describe.concurrent('on a real terminal', () => {
  it.each([100, 50])('of %d columns all of a run fits', { timeout: TIMEOUT }, async (columns) => {
    const { code, stdout } = await onTerminal(columns, '$RUN 4').outcome;
    expect(code).toBe(0);
    const bars = barsIn(stdout);
    expect(bars.length).toBeGreaterThan(8);
    expect(bars.join()).toContain(' validating');
    const shown = stdout.replaceAll(new RegExp(`${ESCAPE}\\[[?\\d]*[A-Za-z]`, 'g'), '');
    for (const line of shown.split(/[\r\n]+/)) expect(line.length).toBeLessThan(columns);
    expect(shown).toMatch(/epoch {2}train loss .*\r\n.* 1\/4 /);
    expect(shown).toContain('best: epoch 4 · validation accuracy 87.50 %\r\n\r\nloss  ⠒● train');
    expect(shown).toMatch(/\r\n\r\nand then\r\n$/);
    expectCursor(stdout);
  });

  it('in a window that becomes narrower shows less', { timeout: TIMEOUT }, async () => {
    const running = onTerminal(90, '$RUN 8 & read line; stty cols 40; wait');
    await running.seen(/epoch 2\/8 ━/);
    running.child.stdin?.write('\n');
    const { stdout } = await running.outcome;
    const lengths = barsIn(stdout).map((bar) => bar.length);
    expect(Math.max(...lengths)).toBeGreaterThan(80);
    expect(Math.max(...lengths.slice(-3))).toBeLessThan(40);
    expect(stdout).toMatch(/epoch {2}val loss {2}val accuracy\r\n/);
    expectCursor(stdout);
  });

  it(
    'Ctrl-C ends a program that does not listen, and the cursor is back',
    {
      timeout: TIMEOUT,
    },
    async () => {
      const running = onTerminal(80, 'exec $RUN 1000');
      await running.seen(/epoch 1\/1000 ━/);
      running.child.stdin?.write(CTRL_C);
      const { code, stdout } = await running.outcome;
      expect(code).toBe(130);
      expectCursor(stdout);
      expect(stdout.endsWith(`${ESCAPE}[K${ESCAPE}[?25h${ESCAPE}[?7h`)).toBe(true);
    },
  );
});

describe.concurrent('a run that shows a bar and holds a lock', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unfold-ends-'));
  });
  afterAll(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await rm(root, { recursive: true });
  });
  const started: Running[] = [];

  async function begin(how: string): Promise<{ folder: string; running: Running }> {
    const folder = await mkdtemp(join(root, 'run-'));
    const args = [HELD, join(folder, 'run'), how];
    const running = start(process.execPath, args, { TERM: 'xterm' });
    started.push(running);
    await running.seen(/^ready$/m);
    expect(await readdir(folder)).toContain('run.lock');
    return { folder, running };
  }

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'is ended by %s, and leaves neither',
    { timeout: TIMEOUT },
    async (name) => {
      const { folder, running } = await begin('');
      running.child.kill(name);
      const { signal, stdout } = await running.outcome;
      expect(signal).toBe(name);
      expect(await readdir(folder)).toEqual(['run']);
      expectCursor(stdout);
    },
  );

  it('whose program listens decides itself, once', { timeout: TIMEOUT }, async () => {
    const { folder, running } = await begin('listen');
    running.child.kill('SIGINT');
    await running.seen(/^heard$/m);
    expect(await readdir(folder)).toContain('run.lock');
    running.child.kill('SIGINT');
    const { signal, stdout } = await running.outcome;
    expect(signal).toBe('SIGINT');
    expect(await readdir(folder)).toEqual(['run']);
    expectCursor(stdout);
  });
});
