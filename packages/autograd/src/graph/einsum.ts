/** The equation of an Einsum, spelled out: an ellipsis becomes letters of its own, an implicit result is written. */

/** One string of letters for each operand and one for the result. */
export interface EinsumEquation {
  readonly terms: readonly string[];
  readonly result: string;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/**
 * @param ranks  of the operands
 * @returns why the equation does not fit them, where it does not
 * SOURCE: ONNX Einsum-12 (numpy's rules: axes under an ellipsis are aligned from the right and broadcast)
 */
export function parseEinsum(
  text: string,
  ranks: readonly number[],
): EinsumEquation | { readonly why: string } {
  const equation = text.replaceAll(" ", "");
  const [left = "", explicit, ...rest] = equation.split("->");
  const written = left.split(",");
  if (rest.length > 0) return { why: `"${equation}" has more than one arrow` };
  if (written.length !== ranks.length)
    return { why: `"${equation}" has ${written.length} terms for ${ranks.length} inputs` };
  if (!/^[a-zA-Z]*$/.test(`${left}${explicit ?? ""}`.replaceAll(",", "").replaceAll("...", "")))
    return { why: `"${equation}" may hold letters, commas, an arrow and ellipses only` };
  const hidden = written.map((term, i) => (term.includes("...") ? (ranks[i] ?? 0) - (term.length - 3) : 0));
  const count = Math.max(0, ...hidden);
  const free = [...LETTERS].filter((letter) => !equation.includes(letter)).slice(0, count);
  if (free.length < count) return { why: `"${equation}" has no letters left for its ellipsis` };
  const spell = (term: string, axes: number) => term.replace("...", free.slice(count - axes).join(""));
  const terms = written.map((term, i) => spell(term, hidden[i] ?? 0));
  const misfit = terms.findIndex((term, i) => term.length !== ranks[i] || term.includes("."));
  if (misfit >= 0)
    return { why: `term "${written[misfit]}" does not name the ${ranks[misfit]} axes of input ${misfit}` };
  if (explicit === undefined) return { terms, result: free.join("") + lettersSeenOnce(written) };
  const result = spell(explicit, count);
  const unknown = [...result].find((letter) => !terms.some((term) => term.includes(letter)));
  if (unknown !== undefined) return { why: `"${unknown}" of the result is in no term of "${equation}"` };
  if (new Set(result).size !== result.length) return { why: `the result of "${equation}" repeats a letter` };
  return { terms, result };
}

export function writeEinsum({ terms, result }: EinsumEquation): string {
  return `${terms.join()}->${result}`;
}

function lettersSeenOnce(terms: readonly string[]): string {
  const letters = terms.join("").replaceAll(".", "");
  const once = [...letters].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return once.sort().join("");
}
