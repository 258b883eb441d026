/**
 * The program's input `stop`: an int64 that every step adds to the rows it gathers.
 *
 * Zero changes nothing. Raised while a call runs, the next step asks for rows that no data set has, ONNX Runtime
 * refuses it, and the call ends there. No operator of ONNX looks at a clock or a signal, and a Scan has no early exit;
 * but its body reads this tensor anew in every step, from memory that threads share.
 */
export type StopFlag = BigInt64Array<SharedArrayBuffer>;

/** Past every row, and far from overflow when a row is added. */
const RAISED = 2n ** 62n;

export function createStopFlag(): StopFlag {
  return new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
}

export function raise(flag: StopFlag): void {
  Atomics.store(flag, 0, RAISED);
}

export function isRaised(flag: StopFlag): boolean {
  return Atomics.load(flag, 0) !== 0n;
}
