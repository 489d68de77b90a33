// As in index.ts: declarations of what is exported name Symbol.dispose.
/// <reference lib="esnext.disposable" preserve="true" />

import { recordingTape } from '../autograd/tape.js';
import { programEngine, type ProgramEngine } from '../engine/engine.js';
import { probe } from '../engine/probe.js';
import { ConfigError, EngineError, TapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { currentScope, Scope, within } from '../memory/scope.js';
import { pauses } from '../pause.js';
import { checkOptions, flag, positiveCount, valueText, type OptionRules } from '../options.js';
import { putTogether, type Results } from '../results.js';
import type { Tensor } from '../tensor.js';
import { warnOnce } from '../warnings.js';
import { decidesAlike, difference } from './alike.js';
import { Conditions } from './conditions.js';
import { Guards, isGuarded } from './guards.js';
import { Program, requireOpen, type ProgramStats } from './program.js';
import type { Recording } from './recording.js';
import { Recorder } from './recorder.js';
import { Signature } from './signature.js';
import { resultsOf, takeApart, type Arguments } from './values.js';

/** Options of `compile`. */
export interface CompileOptions {
  /**
   * Modules that the function uses, besides one that is compiled itself: a change of their
   * properties, parameters or mode makes a new program.
   */
  readonly modules?: readonly object[];
  /** So many programs are kept; of more, the one that was not used for longest is dropped. Default 8. */
  readonly limit?: number;
  /**
   * Whether a function that can't be compiled, or returns what is no tensor, is run as it is, after one
   * warning, instead of an error.
   * Default false.
   */
  readonly fallback?: boolean;
  /**
   * Whether a program is made only after two calls that were recorded alike: a function that draws
   * numbers or counts by itself shows then, and can't be compiled. Default false.
   */
  readonly compare?: boolean;
  /**
   * Whether batch norm in evaluation goes into the weights of a convolution before it. Its results are
   * near the others, and not the same bits. Default false.
   */
  readonly foldBatchNorm?: boolean;
  /**
   * Whether results lie in memory of the program's own, which saves taking some for each call: they can
   * be read, by `item` and `toTypedArray`, until the next call. Default false.
   */
  readonly reuse?: boolean;
}

const COMPILE_OPTIONS: OptionRules<CompileOptions> = {
  modules: {
    expected: 'a list of modules',
    accepts: (value) => Array.isArray(value) && value.every(isGuarded),
  },
  limit: positiveCount,
  fallback: flag,
  compare: flag,
  foldBatchNorm: flag,
  reuse: flag,
};

/** A function that runs as a program. */
export interface Compiled<Args extends readonly unknown[], Result> {
  (...args: Args): Result;
  /**
   * As a call, but hands the thread back to the event loop after each 10 ms or so, between two launches:
   * a page stays responsive meanwhile. The bits are the same. A call that records runs in one go.
   *
   * Until it is done, the function can't be called again, and what it works on should stay as it is. It
   * may be disposed of. The results are the scope's in which it was called.
   * @throws TapeError, besides what a call throws, if another such call is under way, or that scope ended
   * meanwhile.
   */
  runAsync(...args: Args): Promise<Result>;
  /** Of the program that ran last; null before the first was made. */
  readonly stats: ProgramStats | null;
  /** Why the function runs as it is, where it can't be compiled; else null. */
  readonly refusal: string | null;
  /** Has the next call that there is a program for recorded once more, and compared with it. */
  recheck(): void;
  /** Frees the programs. A later call records anew. */
  dispose(): void;
}

/** A function, or what has one as `forward`. */
export type Compilable<Args extends readonly unknown[], Result> =
  | ((...args: Args) => Result)
  | {
      /** What is compiled. */
      forward(...args: Args): Result;
    };

/** So often a call may make what outlives it: what is made once, at the first use. */
const WARM_UPS = 3;

/** Milliseconds after which `runAsync` hands the thread back. */
const TURN = 10;

/** Functions that `runAsync` waits for, which nobody else may hold. */
const underWay = new Set<object>();

/** So often something may change before a program has run even once. */
const MOST_CHANGES = 8;

/** A program, and what it is for. */
interface Entry {
  /** Null until a second recording was alike. */
  program: Program | null;
  readonly recording: Recording;
  readonly conditions: Conditions;
  readonly engine: ProgramEngine['engine'];
  readonly guards: Guards;
  readonly signature: Signature;
  readonly results: Results;
}

/** Frees the programs of functions that nobody has any more. */
const forgotten = new FinalizationRegistry<Entry[]>((entries) => {
  for (const { program } of entries.splice(0)) program?.dispose();
});

/**
 * Makes a function that does the same as `target` with the same bits, and faster. The first call for
 * shapes and dtypes of the inputs runs `target` and records its kernel calls; later ones do these
 * calls alone, in as few calls of WebAssembly as can be, in memory that is laid out once.
 *
 * ```ts
 * const predict = compile(model.eval());
 * const logits = predict(images);
 * ```
 *
 * What `target` does besides, in JavaScript, is done while recording only. So it may not look at
 * numbers of tensors, and what it depends on besides its arguments must stay: of a module that is
 * compiled, or named in `modules`, properties, parameters and modes are watched, and a change makes a
 * new program; of anything else in a closure this is the caller's word.
 *
 * @param target A function of tensors (or arrays and plain objects of them, and of plain values) that
 * returns tensors (likewise), or a Module.
 * @throws ConfigError for what is neither, or a bad option. The compiled function throws TapeError
 * where `target` does what a program can't, and under a tape that records.
 */
export function compile<Args extends readonly unknown[], Result>(
  target: Compilable<Args, Result>,
  options: CompileOptions = {},
): Compiled<Args, Result> {
  checkOptions('compile', options, COMPILE_OPTIONS);
  const { modules = [], limit = 8, fallback = false, compare = false } = options;
  const { foldBatchNorm = false, reuse = false } = options;
  const fn = functionOf(target);
  const guarded = [target, ...modules].filter(isGuarded);
  const entries: Entry[] = [];
  let stats: ProgramStats | null = null;
  /** Why it is run as it is. */
  let refusal: string | null = null;
  let warmUps = 0;
  /** Programs in a row that were dropped before they ran, as something had changed. */
  let changes = 0;
  /** Whether the next call that has a program is recorded once more, and compared with it. */
  let isDoubted = false;
  /** Whether a call by `runAsync` waits for its turn. */
  let isUnderWay = false;

  const drop = (entry: Entry): void => {
    entries.splice(entries.indexOf(entry), 1);
    entry.program?.dispose();
  };

  /** Goes on without programs, or says why there are none. */
  const refuse = (reason: string, result: Result, made: readonly Tensor[]): Result => {
    const text = `compile: ${reason}`;
    if (!fallback) {
      for (const tensor of made) tensor.dispose();
      throw new TapeError(`${text}; leave that part out, and do it with the result`);
    }
    refusal = text;
    for (const { program } of entries.splice(0)) program?.dispose();
    warnOnce(`${text}; it goes on uncompiled`);
    return result;
  };

  /** Runs the function, and records it. @param candidates What was recorded before for such a call. */
  const record = (args: Args, taken: Arguments, candidates: readonly Entry[]): Result => {
    const guards = Guards.of(guarded);
    // Somebody looks on (a hook, perhaps), whom a program would leave out.
    if (!guards.hold) return fn(...args);
    const { engine, wasm } = programEngine();
    const { tensors } = taken;
    // Before the function says of inputs whether they want a gradient.
    const signature = new Signature(taken);
    const recorder = new Recorder(tensors);
    const scope = new Scope();
    let result: Result;
    let results: Results;
    let found: readonly Tensor[];
    let stranger: string | null;
    try {
      result = recorder.watch(() => fn(...args));
      ({ results, tensors: found, stranger } = resultsOf(result));
      if (stranger !== null && !fallback) {
        throw new ConfigError(
          'compile: expected a function that returns tensors, or arrays or plain objects of them, ' +
            `got ${stranger}; a program gives nothing else, so return the tensor and read it outside`,
        );
      }
      // In what is no array or plain object there may be tensors, too.
      if (stranger !== null) scope.giveUp();
      recorder.handUp(found, scope);
    } finally {
      scope.close();
    }
    if (stranger !== null) return refuse(`it returns ${stranger}, which is no tensor`, result, []);
    const recording = recorder.finish(found);
    const made = found.filter((tensor) => {
      return !tensors.some((input) => input === tensor || input.grad === tensor);
    });
    if (recorder.failure !== null) {
      if (recorder.isWarmUp && ++warmUps < WARM_UPS) return result;
      return refuse(`${recorder.failure}, which a program can't do again`, result, made);
    }
    if (!guards.hold) return refuse('it changes a property that it depends on', result, made);
    const known = candidates.find((entry) => decidesAlike(entry.recording, recording)) ?? null;
    const apart = known && difference(known.recording, recording);
    if (apart !== null) {
      const reason = `two calls for the same shapes do different things: ${apart}`;
      return refuse(reason, result, made);
    }
    if (known?.program) return result;
    if (known) drop(known);
    let program: Program | null = null;
    try {
      const parts = { engine, wasm };
      if (known || !compare) program = new Program(recording, parts, { foldBatchNorm, reuse });
    } catch (error) {
      if (!(error instanceof EngineError) || !fallback) throw error;
      return refuse(`there is no memory for a program (${error.message})`, result, made);
    }
    const entry: Entry = {
      program,
      recording,
      conditions: new Conditions(recording, tensors, guards.values),
      engine,
      guards: guards.with(recorder.guards),
      signature,
      results,
    };
    entries.unshift(entry);
    for (const old of entries.slice(limit)) drop(old);
    stats = entry.program?.stats ?? stats;
    return result;
  };

  /** Takes the arguments of a call apart; null where the function is run as it is. */
  const begin = (args: Args): Arguments | null => {
    // Inside another recording, this one's kernel calls are part of that; a graph has its operations.
    if (refusal !== null || tracer !== null || probe instanceof Recorder) return null;
    if (recordingTape()) {
      throw new TapeError(
        'compile: a tape records here, and no gradient flows through a program; compile the whole ' +
          'step with its tape, or call the function outside of the tape',
      );
    }
    if (isUnderWay) {
      throw new TapeError(
        'compile: a call by runAsync is under way, whose memory another one would use; await it first, ' +
          'or compile the function twice',
      );
    }
    const taken = takeApart(args);
    for (const tensor of taken.tensors) tensor.assertAlive();
    return taken;
  };

  /** The place of the next entry, `from` a place on, for a call; -1 if there is none. */
  const next = (taken: Arguments, from: number): number => {
    const { engine } = programEngine();
    for (let i = from; i < entries.length; i++) {
      const entry = entries[i];
      const { conditions, guards, signature } = entry;
      if (!signature.fits(taken)) continue;
      const isChanged = !guards.hold;
      const isTaken = entry.program?.isTaken ?? false;
      if (entry.engine !== engine || conditions.isStale || isChanged || isTaken) {
        i--;
        drop(entry);
        if (isChanged) changes++;
        continue;
      }
      if (conditions.accepts(taken.tensors)) return i;
    }
    return -1;
  };

  /** The program of the entry at a place; null where the call is to be recorded. */
  const programAt = (i: number): Program | null => {
    const { program } = entries[i];
    if (program !== null && !isDoubted) return program;
    isDoubted = false;
    return null;
  };

  /** Records a call that the entries from a place on may be for; or runs it as it is from here on. */
  const recordFrom = (args: Args, taken: Arguments, from: number): Result => {
    if (from < 0 && fallback && changes >= MOST_CHANGES) {
      return refuse('a property that it depends on is another in each call', fn(...args), []);
    }
    const { engine } = programEngine();
    const candidates = from < 0 ? [] : entries.slice(from);
    return record(
      args,
      taken,
      candidates.filter((entry) => suits(entry, taken, engine)),
    );
  };

  /** The result of a program's run. */
  const give = (entry: Entry, program: Program, tensors: readonly Tensor[]): Result => {
    const at = entries.indexOf(entry);
    if (at > 0) entries.unshift(...entries.splice(at, 1));
    ({ stats } = program);
    changes = 0;
    // They are of the form of what this function returned.
    return putTogether(entry.results, tensors) as Result;
  };

  const call = (...args: Args): Result => {
    const taken = begin(args);
    if (taken === null) return fn(...args);
    let i = next(taken, 0);
    for (; i >= 0; i = next(taken, i + 1)) {
      const entry = entries[i];
      const program = programAt(i);
      if (program === null) break;
      const tensors = program.run(taken.tensors);
      if (tensors !== null) return give(entry, program, tensors);
    }
    return recordFrom(args, taken, i);
  };

  const runAsync = async (...args: Args): Promise<Result> => {
    const taken = begin(args);
    if (taken === null) return fn(...args);
    const scope = currentScope();
    const pause = pauses(TURN);
    isUnderWay = true;
    // Nobody may have the function any more but this call.
    underWay.add(compiled);
    try {
      let i = next(taken, 0);
      for (; i >= 0; i = next(taken, i + 1)) {
        const entry = entries[i];
        const program = programAt(i);
        if (program === null) break;
        const tensors = await program.runInTurns(taken.tensors, scope, pause);
        if (tensors !== null) return give(entry, program, tensors);
        for (const tensor of taken.tensors) tensor.assertAlive();
      }
      requireOpen(scope);
      return within(scope, () => recordFrom(args, taken, i));
    } finally {
      isUnderWay = false;
      underWay.delete(compiled);
    }
  };

  const compiled = Object.defineProperties(call, {
    stats: { get: () => stats, enumerable: true },
    refusal: { get: () => refusal, enumerable: true },
    runAsync: { value: runAsync },
    recheck: {
      value: () => {
        isDoubted = true;
      },
    },
    dispose: {
      value: () => {
        for (const { program } of entries.splice(0)) program?.dispose();
      },
    },
  }) as Compiled<Args, Result>;
  forgotten.register(compiled, entries);
  return compiled;
}

function functionOf<Args extends readonly unknown[], Result>(
  target: Compilable<Args, Result>,
): (...args: Args) => Result {
  if (typeof target === 'function') return target;
  const forward: unknown =
    typeof target === 'object' && target !== null ? Reflect.get(target, 'forward') : null;
  if (typeof forward !== 'function') {
    throw new ConfigError(
      `compile: expected a function or a Module with a forward, got ${valueText(target)}`,
    );
  }
  return (...args) => target.forward(...args);
}

/** Whether what was recorded can be done again with such arguments, as far as is known before. */
function suits(entry: Entry, taken: Arguments, engine: Entry['engine']): boolean {
  const { conditions, guards, signature } = entry;
  if (!signature.fits(taken) || entry.engine !== engine || conditions.isStale) return false;
  return guards.hold && conditions.accepts(taken.tensors);
}
