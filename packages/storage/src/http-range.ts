/** The Range header: one byte range; several at once are answered with the whole. SOURCE: RFC 9110 §14. */

export type ByteRange =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly first: number; readonly last: number }
  | { readonly kind: "unsatisfiable" };

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

export function parseRange(header: string | undefined, sizeBytes: number): ByteRange {
  const match = ONE_RANGE.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return { kind: "whole" };
  const [, from = "", to = ""] = match;
  if (from === "") {
    const length = Math.min(Number(to), sizeBytes);
    if (length === 0) return { kind: "unsatisfiable" };
    return { kind: "part", first: sizeBytes - length, last: sizeBytes - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return { kind: "whole" };
  if (first >= sizeBytes) return { kind: "unsatisfiable" };
  return { kind: "part", first, last: to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1) };
}
