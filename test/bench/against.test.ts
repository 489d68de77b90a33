import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgainstError, withBefore } from '../../bench/src/before.js';
import { resultOf } from '../../bench/src/measurements.js';
import { parseOptions } from '../../bench/src/options.js';
import { reportOf } from '../../bench/src/report.js';
import type { Timing } from '../../bench/src/rounds.js';
import { allSystems, labelOf, THIS_NODE } from '../../bench/src/systems.js';
import { describeTask } from '../../bench/src/table.js';
import { matmulTask, TASKS } from '../../bench/src/tasks.js';

describe('bench --against', () => {
  /** What the command prints about arguments that it refuses. */
  function refusal(...args: string[]): string {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    try {
      expect(() => parseOptions(args)).toThrow('exit');
      return write.mock.calls.map(([text]) => String(text)).join('');
    } finally {
      write.mockRestore();
      exit.mockRestore();
    }
  }

  it('is a commit beside the other options', () => {
    const options = parseOptions(['--against', 'HEAD~3', '--only', 'lenet-step', '--threads', '1']);
    expect(options).toMatchObject({ against: 'HEAD~3', threads: [1] });
    expect(options.only.map(({ name }) => name)).toEqual(['lenet-step']);
    expect(parseOptions([]).against).toBeUndefined();
    expect(parseOptions([]).only).toBe(TASKS);
  });

  it('needs a commit, and unfold to compare it with', () => {
    expect(refusal('--against')).toContain("option '--against <ref>' argument missing");
    expect(refusal('--against', 'HEAD', '--systems', 'pytorch')).toContain(
      '--against: expected unfold among --systems, got pytorch',
    );
  });

  it('stands beside each of our settings, in the table and in the JSON', () => {
    const node = { ...THIS_NODE, major: 26, version: 'v26.0.0' };
    const systems = allSystems(node, [1, 2], true, '/before').filter(({ name }) =>
      name.startsWith('unfold'),
    );
    expect(systems.map(labelOf)).toEqual(
      [1, 2].flatMap((threads) =>
        ['unfold', 'unfold-compiled', 'unfold-before'].flatMap((name) =>
          [256, 128].map(
            (simd) => `${name} · ${threads} thread${threads > 1 ? 's' : ''} · ${simd}-bit`,
          ),
        ),
      ),
    );
    const scriptOf = (name: string) =>
      systems.find((system) => system.name === name)?.launch.args[0] ?? '';
    expect(scriptOf('unfold-before')).toBe(join('/before', 'unfold.js'));
    expect(scriptOf('unfold')).toContain(join('bench', 'workers', 'unfold.js'));

    // Ours takes 2 ms, once 1, compiled 1.5 and 0.5; the earlier state 3 ms, once 2.
    const msOf = (name: string) => ({ unfold: 2, 'unfold-compiled': 1.5 })[name] ?? 3;
    const timings = systems.map((system): Timing => {
      const ms = msOf(system.name);
      return { system, samples: [ms, ms, ms - 1], digests: { out: 1 } };
    });
    const result = resultOf(matmulTask(4), { timings, failures: [] }, () => undefined);
    const report = reportOf({ node, against: '1a2b3c4 Faster', results: [result], footprints: [] });
    expect(report.against).toBe('1a2b3c4 Faster');
    expect(report.results.map(({ system }) => system)).toEqual(systems.map(({ name }) => name));
    expect(report.ratios).toEqual(
      systems
        .filter(({ name }) => name === 'unfold-before')
        .flatMap((system) =>
          [
            { name: 'unfold' as const, peerOverOurs: 1.5, peerOverOursMin: 2 },
            { name: 'unfold-compiled' as const, peerOverOurs: 2, peerOverOursMin: 4 },
          ].map(({ name, ...ratios }) => ({
            task: 'matmul-4',
            ours: labelOf({ ...system, name }),
            peer: labelOf(system),
            ...ratios,
          })),
        ),
    );
    expect(describeTask(result)).toContain(
      'unfold-before · 2 threads · 128-bit ÷ unfold · 2 threads · 128-bit: 1.50 (min: 2.00)',
    );
  });

  it('is left out of the report of a run without it', () => {
    const report = reportOf({ node: THIS_NODE, results: [], footprints: [] });
    expect('against' in report).toBe(false);
  });
});

describe('an earlier state of a repository', () => {
  let folder = '';
  let repository = '';
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.org', ...args], {
      cwd: repository,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const worktrees = () => git('worktree', 'list').trim().split('\n').length;
  const leftovers = () => readdirSync(folder).filter((name) => name.startsWith('unfold-before'));

  /** Commits a repository whose build is `build`, with these packages. */
  function commit(build: string, packages = ['core', 'nn', 'train']): void {
    const manifest = { name: 'r', version: '1.0.0', scripts: { build } };
    const lock = { name: 'r', version: '1.0.0', lockfileVersion: 3, packages: { '': manifest } };
    writeFileSync(join(repository, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(repository, 'package-lock.json'), JSON.stringify(lock));
    rmSync(join(repository, 'packages'), { recursive: true, force: true });
    for (const name of packages) {
      mkdirSync(join(repository, 'packages', name), { recursive: true });
      writeFileSync(join(repository, 'packages', name, 'index.js'), '');
    }
    git('add', '.');
    git('commit', '-qm', `Build by ${build}`);
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unfold-against-'));
    repository = join(folder, 'repository');
    mkdirSync(repository);
    git('init', '-q');
    vi.stubEnv('TMPDIR', folder);
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('is built in a worktree that is gone afterwards, without what is not committed', async () => {
    commit("node -e \"fs.cpSync('packages', 'built', { recursive: true })\"");
    writeFileSync(join(repository, 'packages/core/index.js'), 'uncommitted');
    const seen = await withBefore(
      'HEAD',
      ({ commit, workers }) => {
        const built = join(workers, '../../built/core/index.js');
        expect(readFileSync(built, 'utf8')).toBe('');
        expect(readdirSync(workers).sort()).toEqual(['serve.js', 'unfold.js']);
        expect(worktrees()).toBe(2);
        return Promise.resolve({ commit, workers });
      },
      repository,
    );
    expect(seen.commit).toMatch(/^[0-9a-f]+ Build by node -e/);
    expect(existsSync(seen.workers)).toBe(false);
    expect([worktrees(), leftovers()]).toEqual([1, []]);
  });

  it('is refused in words, with nothing left behind', async () => {
    const never = () => Promise.reject(new Error('reached'));
    commit('node -e "console.error(\'no compiler\'), process.exit(1)"');
    commit('exit 0', ['core', 'nn']);
    const refused = async (ref: string) => {
      const error: unknown = await withBefore(ref, never, repository).catch((reason) => reason);
      expect(error).toBeInstanceOf(AgainstError);
      expect([worktrees(), leftovers()]).toEqual([1, []]);
      return String(error);
    };
    expect(await refused('nowhere')).toContain(
      "expected a commit, a branch or a tag of this repository, got 'nowhere'",
    );
    expect(await refused('--help')).toContain("got '--help'");
    expect(await refused('HEAD:package.json')).toContain("got 'HEAD:package.json'");
    expect(await refused('HEAD')).toMatch(
      /expected a commit with the packages core, nn, train, got \w+ Build by exit 0, which lacks train/,
    );
    expect(await refused('HEAD~1')).toMatch(/'npm run build' fails; name a later commit.*no comp/s);
  });

  it.skipIf(process.platform === 'win32')('is removed when a signal ends the run', async () => {
    commit('echo > building && sleep 60');
    const script = `
      import { withBefore } from ${JSON.stringify(pathToFileURL(resolve('bench/src/before.ts')))};
      await withBefore('HEAD', async () => {}, ${JSON.stringify(repository)});
    `;
    const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(child, 'exit');
    const isBuilding = () =>
      leftovers().some((name) => existsSync(join(folder, name, 'tree/building')));
    await vi.waitFor(() => expect(isBuilding()).toBe(true), { timeout: 50_000, interval: 50 });
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect([worktrees(), leftovers()]).toEqual([1, []]);
  });
});
