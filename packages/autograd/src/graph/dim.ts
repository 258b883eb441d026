/**
 * Arithmetic of sizes that may be symbolic, such as "batch" or "2*batch+1".
 *
 * A size is kept as a polynomial over names, printed in one normal form, so that equal sizes are equal strings.
 * Operations return undefined where the result is not worth a name (too long, too large); callers make a fresh one.
 */
import type { Dim } from "./tensor.ts";

/** Longer expressions say nothing to a reader and only cost time. */
const EXPRESSION_CHARS_MAX = 160;

/** Coefficient by monomial; a monomial is its sorted names joined by "*", "" for the constant term. */
type Polynomial = ReadonlyMap<string, number>;

export type MaybeDim = Dim | undefined;

export function addDims(a: MaybeDim, b: MaybeDim): MaybeDim {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "number" && typeof b === "number") return safe(a + b);
  const sum = new Map(parse(a));
  for (const [monomial, coefficient] of parse(b)) sum.set(monomial, (sum.get(monomial) ?? 0) + coefficient);
  return print(sum);
}

export function subDims(a: MaybeDim, b: MaybeDim): MaybeDim {
  return addDims(a, mulDims(b, -1));
}

export function mulDims(a: MaybeDim, b: MaybeDim): MaybeDim {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "number" && typeof b === "number") return safe(a * b);
  const product = new Map<string, number>();
  for (const [left, leftBy] of parse(a)) {
    for (const [right, rightBy] of parse(b)) {
      const monomial = [...namesOf(left), ...namesOf(right)].sort().join("*");
      product.set(monomial, (product.get(monomial) ?? 0) + leftBy * rightBy);
    }
  }
  return print(product);
}

/** a / b where b divides a for whatever the names stand for; undefined where it cannot be seen to. */
export function divideExactly(a: MaybeDim, b: MaybeDim): MaybeDim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  if (a === b) return 1;
  const divisor = [...parse(b)];
  const [first] = divisor;
  if (first === undefined || divisor.length !== 1) return undefined;
  const [monomial, coefficient] = first;
  const quotient = new Map<string, number>();
  for (const [dividend, by] of parse(a)) {
    if (by % coefficient !== 0) return undefined;
    const rest = without(namesOf(dividend), namesOf(monomial));
    if (rest === undefined) return undefined;
    quotient.set(rest.join("*"), by / coefficient);
  }
  return print(quotient);
}

/** ⌊a / b⌋ */
export function floorDivide(a: MaybeDim, b: MaybeDim): MaybeDim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  if (typeof a === "number" && typeof b === "number") return Math.floor(a / b);
  const exact = divideExactly(a, b);
  if (exact !== undefined) return exact;
  const name = `floor((${a})/(${b}))`;
  return name.length > EXPRESSION_CHARS_MAX ? undefined : name;
}

export function productOf(dims: readonly MaybeDim[]): MaybeDim {
  return dims.reduce<MaybeDim>((product, dim) => mulDims(product, dim), 1);
}

/** The size with every name of `bindings` replaced by its number. */
export function bindDim(dim: Dim, bindings: ReadonlyMap<string, number>): Dim {
  if (typeof dim === "number" || bindings.size === 0) return dim;
  const whole = bindings.get(dim);
  if (whole !== undefined) return whole;
  let sum: MaybeDim = 0;
  for (const [monomial, coefficient] of parse(dim)) {
    const factors = namesOf(monomial).map((name) => bindings.get(name) ?? name);
    sum = addDims(sum, productOf([coefficient, ...factors]));
  }
  return sum ?? dim;
}

function parse(dim: Dim): Polynomial {
  if (typeof dim === "number") return new Map(dim === 0 ? [] : [["", dim]]);
  const polynomial = new Map<string, number>();
  for (const term of splitOutsideBrackets(dim, "+")) {
    let coefficient = 1;
    const names: string[] = [];
    for (const factor of splitOutsideBrackets(term, "*")) {
      if (/^-?\d{1,15}$/.test(factor)) coefficient *= Number(factor);
      else names.push(factor);
    }
    const monomial = names.sort().join("*");
    polynomial.set(monomial, (polynomial.get(monomial) ?? 0) + coefficient);
  }
  return polynomial;
}

function print(polynomial: Polynomial): MaybeDim {
  const terms: string[] = [];
  let constant = 0;
  for (const [monomial, coefficient] of [...polynomial].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (safe(coefficient) === undefined) return undefined;
    if (coefficient === 0) continue;
    if (monomial === "") constant = coefficient;
    else terms.push(coefficient === 1 ? monomial : `${coefficient}*${monomial}`);
  }
  if (terms.length === 0) return constant;
  if (constant !== 0) terms.push(String(constant));
  const text = terms.join("+");
  return text.length > EXPRESSION_CHARS_MAX ? undefined : text;
}

function namesOf(monomial: string): string[] {
  return monomial === "" ? [] : splitOutsideBrackets(monomial, "*");
}

function without(names: readonly string[], removed: readonly string[]): string[] | undefined {
  const rest = [...names];
  for (const name of removed) {
    const at = rest.indexOf(name);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest;
}

function splitOutsideBrackets(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const char of text) {
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (char === separator && depth <= 0) {
      parts.push(part.trim());
      part = "";
    } else part += char;
  }
  parts.push(part.trim());
  return parts;
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value + 0 : undefined; // −0 + 0 is 0
}
