/** A line of text over several rows of a terminal, broken where words are. */

const INDENT = 4;
/** Letters that take two columns, as terminals count them. SOURCE: Unicode Standard Annex #11, East Asian Width. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NO_WIDTH = /\p{Mark}|\p{Format}/u;

/**
 * What does not fit goes on in the next row, a little to the right; a word that no row can hold is broken, and one that fits
 * without the indentation goes without.
 *
 * @param columns  at least 2, so that a row holds any letter
 */
export function fold(line: string, columns: number): readonly string[] {
  const rows: string[] = [];
  let row = "";
  let isFresh = true;
  const next = (indent: number): void => {
    rows.push(row);
    row = " ".repeat(indent);
    isFresh = true;
  };
  for (const word of line.trimEnd().split(/(?<=\S) +/)) {
    const width = columnsOf(word);
    const gap = isFresh ? 0 : 1;
    if (columnsOf(row) + gap + width > columns && !(isFresh && rows.length === 0))
      next(Math.max(0, Math.min(INDENT, columns - width)));
    else if (gap > 0) row += " ";
    for (const letter of word) {
      if (columnsOf(row) + columnsOf(letter) > columns) next(0);
      row += letter;
    }
    isFresh = false;
  }
  return [...rows, row];
}

/** As many of the rows as a block can have that is redrawn: what has left the screen at its top stays there. */
export function cropped(rows: readonly string[], rowsMax: number): readonly string[] {
  if (rows.length < rowsMax) return rows;
  const shown = rows.slice(0, Math.max(0, rowsMax - 2));
  return [...shown, `… ${rows.length - shown.length} rows more in a taller window`];
}

/** How many a terminal takes for it. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const letter of text) columns += NO_WIDTH.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  return columns;
}
