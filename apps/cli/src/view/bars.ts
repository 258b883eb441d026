/** Pictures made of text. */

const BLOCKS = "▁▂▃▄▅▆▇█";
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `columns` cells, filled to `share` (0 … 1). */
export function progressBar(share: number, columns: number): string {
  const clamped = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  const eighths = Math.round(clamped * columns * 8);
  const full = "█".repeat(Math.floor(eighths / 8));
  return `${full}${EIGHTHS[eighths % 8] ?? ""}`.padEnd(columns, "·");
}

/** The last `columns` values as blocks, from the lowest to the highest of them. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.filter(Number.isFinite).slice(-columns);
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  const level = (value: number): number =>
    span === 0 ? 3 : Math.round(((value - low) / span) * (BLOCKS.length - 1));
  return shown.map((value) => BLOCKS[level(value)] ?? "").join("");
}
