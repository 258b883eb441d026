/** What can be wrong with a file that a person wrote. A kind of file puts its prefix before each code: JOB, POLICY. */
import type { Sentences } from "../fault.ts";

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type WrittenFault<P extends string> =
  | {
      readonly code: `${P}_FILE_TOO_LARGE`;
      readonly file: string;
      readonly bytes: number;
      readonly bytesMax: number;
    }
  | ({ readonly code: `${P}_FILE_SYNTAX`; readonly why: string } & Place)
  | ({
      readonly code: `${P}_KEY_UNKNOWN`;
      readonly key: string;
      readonly nearest: string | null;
      readonly known: readonly string[];
    } & Place)
  | ({ readonly code: `${P}_KEY_MISSING`; readonly key: string } & Place)
  | ({ readonly code: `${P}_VALUE_INVALID`; readonly key: string; readonly why: string } & Place);

const SENTENCES: Sentences<WrittenFault<"X">> = {
  X_FILE_TOO_LARGE: (f) =>
    `${f.file} has ${f.bytes} bytes; such a file has at most ${f.bytesMax} (large things belong in files of their own)`,
  X_FILE_SYNTAX: (f) => `${placeText(f)}: this cannot be read as YAML or JSON: ${f.why}`,
  X_KEY_UNKNOWN: (f) => {
    const hint = f.nearest === null ? `known here: ${f.known.join(", ")}` : `did you mean "${f.nearest}"?`;
    return `${placeText(f)}: unknown key "${f.key}"; ${hint}`;
  },
  X_KEY_MISSING: (f) => `${placeText(f)}: "${f.key}" is missing`,
  X_VALUE_INVALID: (f) => `${placeText(f)}: ${f.key ? `"${f.key}": ` : ""}${f.why}`,
};

export function writtenSentences<P extends string>(prefix: P): Sentences<WrittenFault<P>> {
  const renamed = Object.entries(SENTENCES).map(([code, sentence]) => [code.replace(/^X/, prefix), sentence]);
  // SAFETY: the same table under the codes of this prefix, which the type spells out.
  return Object.fromEntries(renamed) as Sentences<WrittenFault<P>>;
}

export function placeText(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}
