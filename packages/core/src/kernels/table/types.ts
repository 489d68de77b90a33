/*
 * What the type checker derives from the table. There is nothing to build between an edit of the
 * table and an error.
 */

/** The array of an operand, given as its row writes it. `F` is the float array of the element type. */
export type Operand<F, Text> = Text extends `${infer Required}?`
  ? Operand<F, Required> | null
  : Text extends `${string} u8[${string}`
    ? Uint8Array
    : Text extends `${string} i32[${string}`
      ? Int32Array
      : F;

/** The arrays of a row's operands, in their order. */
export type Operands<F, Texts extends readonly string[]> = {
  [I in keyof Texts]: Operand<F, Texts[I]>;
};

/** A kernel's own constants as the options of a call; nothing where it has none. */
type Constants<P> = keyof P extends never ? [] : [options: { readonly [K in keyof P]: number }];

/**
 * The names of the kernels that treat each element for itself: with constants of their own at most, or
 * with two broadcast operands.
 */
export type ElementwiseName<Rows> = {
  [K in keyof Rows]: Rows[K] extends { readonly parameters: object | 'broadcast' } ? K : never;
}[keyof Rows];

/**
 * How a kernel is called that treats each element for itself. The functions are declared as methods
 * are, so that kernels of one element type pass for kernels of any.
 */
export type ElementwiseCall<F, Geometry, Row> = Row extends {
  readonly operands: readonly [infer Out, infer A, infer B];
  readonly parameters: 'broadcast';
}
  ? {
      call(out: Operand<F, Out>, a: Operand<F, A>, b: Operand<F, B>, geometry: Geometry): void;
    }['call']
  : Row extends {
        readonly operands: readonly [infer Out];
        readonly parameters: infer P;
      }
    ? { call(out: Operand<F, Out>, ...rest: Constants<P>): void }['call']
    : Row extends {
          readonly operands: readonly [infer Out, infer X];
          readonly parameters: infer P;
        }
      ? { call(out: Operand<F, Out>, x: Operand<F, X>, ...rest: Constants<P>): void }['call']
      : Row extends {
            readonly operands: readonly [infer DX, infer DOut, infer Saved];
            readonly parameters: infer P;
          }
        ? {
            call(
              dX: Operand<F, DX>,
              dOut: Operand<F, DOut>,
              saved: Operand<F, Saved>,
              ...rest: Constants<P>
            ): void;
          }['call']
        : never;
