/** Files that people write: YAML, checked by a schema, every mistake with its place. */
export { guarded, quantity } from "./quantity.ts";
export { type Place, placeText, type WrittenFault, writtenSentences } from "./written-fault.ts";
export { readWritten, type Written, type WrittenReading } from "./written-file.ts";
