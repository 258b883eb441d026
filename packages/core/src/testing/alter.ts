/** Bytes as a stranger or a bad disk alters them. */

export interface Edit {
  /** Where; past the end it wraps around. */
  readonly at: number;
  readonly byte: number;
  readonly how: "overwrite" | "insert" | "drop" | "cut";
}

/** A copy with the edits made one after another; `cut` leaves what is before it. */
export function alter(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const altered = [...bytes];
  for (const { at, byte, how } of edits) {
    const place = altered.length === 0 ? 0 : at % altered.length;
    if (how === "cut") altered.length = place;
    else if (how === "insert") altered.splice(place, 0, byte);
    else if (how === "drop") altered.splice(place, 1);
    else altered[place] = byte;
  }
  return Uint8Array.from(altered);
}
