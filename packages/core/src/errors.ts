/** Base class of every error that Unfold throws on purpose. Catch it to catch them all. */
export class UnfoldError extends Error {
  override name = 'UnfoldError';
}

/** Shapes, axes or sizes that do not fit the operation. */
export class ShapeError extends UnfoldError {
  override name = 'ShapeError';
}

/** A dtype that the operation does not take, or two that were mixed. */
export class DTypeError extends UnfoldError {
  override name = 'DTypeError';
}

/** A tensor was read after its scope ended, or after `dispose()`. */
export class DisposedError extends UnfoldError {
  override name = 'DisposedError';
}

/** A tape or a scope was used against its rules: closed out of order, walked twice, … */
export class TapeError extends UnfoldError {
  override name = 'TapeError';
}

/** The engine could not start, ran out of heap, or failed its self-check. */
export class EngineError extends UnfoldError {
  override name = 'EngineError';
}

/** A file does not hold what its format promises. */
export class FileFormatError extends UnfoldError {
  override name = 'FileFormatError';
}

/** An option or argument is unknown, out of range or contradictory. */
export class ConfigError extends UnfoldError {
  override name = 'ConfigError';
}
