/** Assertions: a false one is a bug of ours, never bad input (that is a fault, see fault.ts). */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, asserted to be there. */
export function assertDefined<T>(value: T | undefined | null, message: string): T {
  assert(value !== undefined && value !== null, message);
  return value;
}

/** Closes a switch over a union: a case that was forgotten does not compile. */
export function assertNever(value: never, message: string): never {
  throw new AssertionError(`${message}: ${String(value)}`);
}
