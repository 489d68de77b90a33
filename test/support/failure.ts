/** The error of a call that must fail, at once or later. */
export async function failure(run: () => unknown): Promise<Error> {
  let result: unknown;
  try {
    result = await run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error(`no error was thrown, but ${String(result)} returned`);
}

/** What is compared of an error. */
export interface Kind {
  readonly kind: unknown;
  readonly message: string;
}

/** The class and the message of `failure`. */
export async function failureKind(run: () => unknown): Promise<Kind> {
  return kindOf(await failure(run));
}

/** The class and the message of what a call throws at once. */
export function thrownBy(run: () => unknown): Kind {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return kindOf(error);
    throw error;
  }
  throw new Error('no error was thrown');
}

function kindOf(error: Error): Kind {
  return { kind: error.constructor, message: error.message };
}
