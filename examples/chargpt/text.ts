/** Text as numbers: a vocabulary of characters, and windows of them to learn from. */
import type { Tensor } from "@pingo/autograd";
import { assert } from "@pingo/core";

/** A token is one byte. */
const VOCABULARY_MAX = 256;
/** Stands for the characters that are too rare to have a number. */
export const RARE = "\uFFFD";

/** The characters of a text in code point order; of more than 256 the most frequent, and RARE for the others. */
export function vocabularyOf(text: string): readonly string[] {
  const countByCharacter = new Map<string, number>();
  for (const character of text) countByCharacter.set(character, (countByCharacter.get(character) ?? 0) + 1);
  const byCount = [...countByCharacter]
    .sort(([a, m], [b, n]) => n - m || order(a, b))
    .map(([character]) => character);
  const kept = byCount.length <= VOCABULARY_MAX ? byCount : [...byCount.slice(0, VOCABULARY_MAX - 1), RARE];
  return kept.sort(order);
}

/** uint8[characters] */
export function encodeText(text: string, vocabulary: readonly string[]): Uint8Array {
  const tokenByCharacter = new Map(vocabulary.map((character, token) => [character, token]));
  const rare = tokenByCharacter.get(RARE) ?? 0;
  return Uint8Array.from(Array.from(text), (character) => tokenByCharacter.get(character) ?? rare);
}

/**
 * Windows one after the other, and for each position the token that follows it.
 *
 * @returns tokens uint8[rows, positions], next uint8[rows, positions]
 */
export function windowsOf(tokens: Uint8Array, positions: number): ReadonlyMap<string, Tensor> {
  const rows = Math.floor((tokens.length - 1) / positions);
  assert(rows >= 1, `a text needs more than ${positions} characters to learn from`);
  const shape = [rows, positions];
  return new Map<string, Tensor>([
    ["tokens", { dtype: "uint8", shape, data: tokens.slice(0, rows * positions) }],
    ["next", { dtype: "uint8", shape, data: tokens.slice(1, rows * positions + 1) }],
  ]);
}

function order(a: string, b: string): number {
  return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
}
