import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The commit that `--against` names can't be measured. */
export class AgainstError extends Error {
  override name = 'AgainstError';
}

/** An earlier state of the repository, built and ready to run. */
export interface Before {
  /** What the commit is called, for people: `1a2b3c4 its subject`. */
  readonly commit: string;
  /** The folder of its workers, which are today's: both states are asked the same. */
  readonly workers: string;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What a worker of ours consists of, and what it imports. */
const WORKER_FILES = ['unfold.js', 'serve.js'];
const PACKAGES = ['core', 'nn', 'train'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Checks out `ref` in a temporary git worktree, builds it there by its own lock file and its own
 * `npm run build`, and calls `body`. The worktree is removed at the end, also when a signal ends
 * the process.
 *
 * What the working tree holds beside its commits has no part in it.
 * @param root The repository; default: the one that this file is in.
 * @throws AgainstError if `ref` is no commit, or can't be built.
 */
export async function withBefore<T>(
  ref: string,
  body: (before: Before) => Promise<T>,
  root = ROOT,
): Promise<T> {
  const stopped = new AbortController();
  const git = (...args: string[]) => run('git', args, root);
  const { output: sha, code } = await git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
  if (code !== 0) {
    throw new AgainstError(
      `bench --against: expected a commit, a branch or a tag of this repository, got '${ref}'; ` +
        'git log --oneline lists commits',
    );
  }
  const { output: commit } = await git('log', '-1', '--format=%h %s', sha);
  // Not inside the repository: a package that the commit lacks would be found in today's.
  const parent = mkdtempSync(join(tmpdir(), 'unfold-before-'));
  const tree = join(parent, 'tree');
  const remove = async () => {
    await git('worktree', 'remove', '--force', tree);
    rmSync(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  let step: Promise<unknown> = Promise.resolve();
  const interrupt = (signal: NodeJS.Signals) => {
    stopped.abort();
    // First the program that still writes: it would leave files behind the removal.
    void step.then(remove).finally(() => process.exit(128 + constants.signals[signal]));
  };
  const build = async (cwd: string, file: string, ...args: string[]) => {
    const running = run(file, args, cwd, stopped.signal);
    step = running;
    const { code, output } = await running;
    // `interrupt` ends the process.
    if (stopped.signal.aborted) await new Promise(() => {});
    if (code !== 0) {
      throw new AgainstError(
        `bench --against: expected a commit that can be built, got ${commit}, where ` +
          `'${[file, ...args].join(' ')}' fails; name a later commit. It said:\n` +
          output.split('\n').slice(-8).join('\n'),
      );
    }
  };
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    await build(root, 'git', 'worktree', 'add', '--detach', tree, sha);
    const missing = PACKAGES.filter((name) => !existsSync(join(tree, 'packages', name)));
    if (missing.length > 0) {
      throw new AgainstError(
        `bench --against: expected a commit with the packages ${PACKAGES.join(', ')}, got ` +
          `${commit}, which lacks ${missing.join(', ')}; name a later commit`,
      );
    }
    await build(tree, 'npm', 'ci', '--prefer-offline', '--ignore-scripts');
    await build(tree, 'npm', 'run', 'build');
    const workers = join(tree, 'bench/workers');
    mkdirSync(workers, { recursive: true });
    for (const file of WORKER_FILES) cpSync(join(ROOT, 'bench/workers', file), join(workers, file));
    return await body({ commit, workers });
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    await remove();
  }
}

/** Runs a program to its end, or until `signal` ends it; `output` is what it said, trimmed. */
function run(
  file: string,
  args: readonly string[],
  cwd: string,
  signal?: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const isWindows = process.platform === 'win32';
    const child = spawn(file, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // On Windows npm is a script, which only a shell starts.
      shell: isWindows && file === 'npm',
      // A group of its own, with which what npm starts is ended, too.
      detached: !isWindows,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const end = () => {
      if (isWindows || child.pid === undefined) child.kill();
      else process.kill(-child.pid);
    };
    signal?.addEventListener('abort', end);
    child.once('error', reject);
    child.once('close', (code) => {
      signal?.removeEventListener('abort', end);
      resolve({ code, output: output.trim() });
    });
  });
}
