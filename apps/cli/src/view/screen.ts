/** What a person or a program sees: permanent lines, one block that is redrawn, or JSON. */

export interface ScreenStream {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

export interface Screen {
  readonly isJson: boolean;
  /** Whether `live` redraws; otherwise it shows nothing. */
  readonly isLive: boolean;
  readonly columns: number;
  readonly rows: number;
  paint(style: Style, text: string): string;
  /** A line that stays. Not in JSON mode. */
  line(text: string): void;
  /** Replaces the block at the bottom; "" clears it. */
  live(block: string): void;
  /** One JSON value on a line of its own; only in JSON mode. */
  json(value: unknown): void;
}

const CODE_BY_STYLE: { readonly [K in Style]: number } = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;
const ESCAPE = String.fromCharCode(27);

export function createScreen(
  stream: ScreenStream,
  options: { readonly isJson: boolean; readonly hasColor: boolean },
): Screen {
  const isLive = Boolean(stream.isTTY) && options.hasColor && !options.isJson;
  let liveRows = 0;
  const clear = (): void => {
    if (liveRows > 0) stream.write(`${ESCAPE}[${liveRows}A${ESCAPE}[J`);
    liveRows = 0;
  };
  return {
    isJson: options.isJson,
    isLive,
    get columns() {
      return stream.columns || COLUMNS_DEFAULT; // some terminals do not know and say 0
    },
    get rows() {
      return stream.rows || ROWS_DEFAULT;
    },
    paint: (style, text) => (isLive ? `${ESCAPE}[${CODE_BY_STYLE[style]}m${text}${ESCAPE}[0m` : text),
    line(text) {
      if (options.isJson) return;
      clear();
      stream.write(`${text}\n`);
    },
    live(block) {
      if (!isLive) return;
      clear();
      if (block === "") return;
      stream.write(`${block}\n`);
      liveRows = block.split("\n").length;
    },
    json(value) {
      if (options.isJson) stream.write(`${JSON.stringify(value)}\n`);
    },
  };
}
