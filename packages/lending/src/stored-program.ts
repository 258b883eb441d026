import { type Cid, decodeCanonical, isFault, parseShape } from "@pingo/core";
import { type StoredProgram, zStoredProgram } from "@pingo/training/unit";
import { LendingError } from "./lending-error.ts";

/** @throws {LendingError} PROGRAM_MALFORMED */
export function parseStoredProgram(cid: Cid, block: Uint8Array): StoredProgram {
  try {
    return parseShape(zStoredProgram, decodeCanonical(block), "the program");
  } catch (cause) {
    if (!isFault(cause)) throw cause;
    throw new LendingError({ code: "PROGRAM_MALFORMED", cid, why: cause.message }, { cause });
  }
}
