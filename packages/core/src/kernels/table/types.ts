/*
 * The types that follow from the table. There is nothing to build between an edit of the
 * table and an error.
 */

/** The holder of an operand's elements: a buffer, or an array. */
export interface OperandTypes {
  readonly f32: unknown;
  readonly f64: unknown;
  readonly i32: unknown;
  readonly u8: unknown;
}

/** An operand, given as its row writes it. */
export type Operand<Types extends OperandTypes, Text> = Text extends `${infer Required}?`
  ? Operand<Types, Required> | null
  : Text extends `${string} u8[${string}`
    ? Types['u8']
    : Text extends `${string} i32[${string}`
      ? Types['i32']
      : Text extends `${string} f64[${string}`
        ? Types['f64']
        : Types['f32'];

/** A row's operands, in their order. */
export type Operands<Types extends OperandTypes, Texts extends readonly string[]> = {
  [I in keyof Texts]: Operand<Types, Texts[I]>;
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
export type ElementwiseCall<Types extends OperandTypes, Geometry, Row> = Row extends {
  readonly operands: readonly [infer Out, infer A, infer B];
  readonly parameters: 'broadcast';
}
  ? {
      call(
        out: Operand<Types, Out>,
        a: Operand<Types, A>,
        b: Operand<Types, B>,
        geometry: Geometry,
      ): void;
    }['call']
  : Row extends {
        readonly operands: readonly [infer Out];
        readonly parameters: infer P;
      }
    ? { call(out: Operand<Types, Out>, ...rest: Constants<P>): void }['call']
    : Row extends {
          readonly operands: readonly [infer Out, infer X];
          readonly parameters: infer P;
        }
      ? {
          call(out: Operand<Types, Out>, x: Operand<Types, X>, ...rest: Constants<P>): void;
        }['call']
      : Row extends {
            readonly operands: readonly [infer DX, infer DOut, infer Saved];
            readonly parameters: infer P;
          }
        ? {
            call(
              dX: Operand<Types, DX>,
              dOut: Operand<Types, DOut>,
              saved: Operand<Types, Saved>,
              ...rest: Constants<P>
            ): void;
          }['call']
        : never;
