/**
 * Faults: expected failures (bad input, peer gone, disk full), each with a code, facts and one plain sentence.
 *
 * A room declares a union of fault shapes and a table with one sentence per code, so a fault without
 * a sentence does not compile. Sentences say what is wrong, where, and what to do next.
 */
import { onOneLine } from "./one-line.ts";

export interface Fault {
  readonly code: string;
}

export type Sentences<F extends Fault> = {
  readonly [C in F["code"]]: (fault: Extract<F, { readonly code: C }>) => string;
};

/** What crosses a process border: JSON and DAG-CBOR safe. */
export interface FaultReport {
  readonly code: string;
  readonly message: string;
}

export class FaultError<F extends Fault = Fault> extends Error {
  override readonly name: string = "FaultError";
  readonly fault: F;

  constructor(fault: F, sentences: Sentences<F>, options?: ErrorOptions) {
    super(sentenceFor(fault, sentences), options);
    this.fault = fault;
  }

  get code(): F["code"] {
    return this.fault.code;
  }
}

/** A fault another process reported: its code and sentence are passed on unchanged. */
export class RemoteError extends FaultError<Fault> {
  override readonly name = "RemoteError";

  constructor(report: FaultReport, options?: ErrorOptions) {
    super({ code: report.code }, { [report.code]: () => report.message }, options);
  }
}

export function isFault(error: unknown): error is FaultError {
  return error instanceof FaultError;
}

/** The report of a fault; anything else is a bug of ours and reported as INTERNAL, without its insides. */
export function reportOf(error: unknown): FaultReport {
  if (isFault(error)) return { code: error.code, message: error.message };
  return { code: "INTERNAL", message: "something broke inside PinGo; the log of this process says what" };
}

function sentenceFor<F extends Fault>(fault: F, sentences: Sentences<F>): string {
  // SAFETY: the table has a row for every code of F, and the row of a code takes the fault of that code.
  const sentence = sentences[fault.code as F["code"]] as (fault: F) => string;
  return onOneLine(sentence(fault));
}
