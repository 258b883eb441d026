/** The file in which the owner says how much is lent at most; changed at any time, followed within a second. */
import { parseShape } from "@pingo/core";
import { ANY_SIZE, type OwnerSize } from "@pingo/scheduler";
import { zOwnerSize } from "@pingo/scheduler/status";

/** @throws {ShapeError} SHAPE_INVALID */
export function sizeIn(text: string | null): OwnerSize {
  return text === null ? ANY_SIZE : parseShape(zOwnerSize, parseJson(text), "how much is lent (size.json)");
}

/** Workers for this size. A part of a core needs the warden, who lets a worker run for a part of the time. */
export function coresOf({ millicores }: { readonly millicores: number }, hasWarden: boolean): number {
  return hasWarden ? Math.ceil(millicores / 1_000) : Math.floor(millicores / 1_000);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by its shape, with a sentence
  }
}
