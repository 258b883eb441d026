/** The part of the WebAssembly JavaScript interface that is used here; TypeScript's own declaration comes with all of the DOM. */

interface Engine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, HostFunction>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly RuntimeError: abstract new (...args: never) => Error;
  readonly CompileError: abstract new (...args: never) => Error;
  readonly Exception: abstract new (...args: never) => object;
}

/** i32 arrives as a number, i64 as a bigint. */
export type HostFunction = (...args: (number | bigint)[]) => number | undefined;

/** A module's memory, whose buffer is another one after it has grown. */
export interface EngineMemory {
  readonly buffer: ArrayBuffer;
}

// SAFETY: every platform that PinGo runs on has it.
export const engine = Reflect.get(globalThis, "WebAssembly") as Engine;
