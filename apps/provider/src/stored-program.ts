import { type Cid, decodeCanonical, isFault, parseShape } from "@pingo/core";
import { type StoredProgram, zStoredProgram } from "@pingo/training/unit";
import { ProviderError } from "./provider-error.ts";

/** @throws {ProviderError} PROGRAM_MALFORMED */
export function parseStoredProgram(cid: Cid, block: Uint8Array): StoredProgram {
  try {
    return parseShape(zStoredProgram, decodeCanonical(block), "the program");
  } catch (cause) {
    if (!isFault(cause)) throw cause;
    throw new ProviderError({ code: "PROGRAM_MALFORMED", cid, why: cause.message }, { cause });
  }
}
