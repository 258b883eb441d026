/** Metadata of tokens, on the chain or as a link. SOURCE: TEP-64. */
import { createHash } from "node:crypto";
import { type Cell, Dictionary, type Slice } from "@ton/core";

export type TokenContent = Readonly<Record<string, string>>;

const ON_CHAIN = 0x00;
const OFF_CHAIN = 0x01;
const SNAKE = 0x00;
const CHUNKED = 0x01;
/** Of one value; what a stranger's contract says is not longer here. */
const CELLS_MAX = 256;

const KNOWN_KEYS = [
  "uri",
  "name",
  "description",
  "image",
  "image_data",
  "symbol",
  "decimals",
  "amount_style",
  "render_type",
  "attributes",
  "content_url",
];
const NAME_BY_HASH: ReadonlyMap<string, string> = new Map(
  KNOWN_KEYS.map((key) => [createHash("sha256").update(key).digest("hex"), key]),
);

/** Empty when it is of no kind that is known. */
export function parseContent(cell: Cell): TokenContent {
  try {
    const slice = cell.beginParse();
    const kind = slice.loadUint(8);
    if (kind === OFF_CHAIN) return { uri: snakeOf(slice).toString("utf8") };
    if (kind === ON_CHAIN) return dictionaryOf(slice);
    return {};
  } catch {
    return {}; // a stranger's cell of another layout: no metadata, as explorers have it
  }
}

function dictionaryOf(slice: Slice): TokenContent {
  const values = slice.loadDict(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  const content: Record<string, string> = {};
  for (const [key, cell] of values) {
    const hex = key.toString("hex");
    content[NAME_BY_HASH.get(hex) ?? hex] = textOf(cell);
  }
  return content;
}

function textOf(cell: Cell): string {
  const slice = cell.beginParse();
  const kind = slice.loadUint(8);
  if (kind === SNAKE) return snakeOf(slice).toString("utf8");
  if (kind !== CHUNKED) return "";
  const chunks = slice.loadDict(Dictionary.Keys.Uint(32), Dictionary.Values.Cell());
  return Buffer.concat(chunks.values().map((chunk) => snakeOf(chunk.beginParse()))).toString("utf8");
}

/** Bytes of a cell, then of the one it refers to, and so on. */
function snakeOf(first: Slice): Buffer {
  const parts: Buffer[] = [];
  let slice: Slice | undefined = first;
  for (let cells = 0; slice !== undefined && cells < CELLS_MAX; cells++) {
    parts.push(slice.loadBuffer(Math.floor(slice.remainingBits / 8)));
    slice = slice.remainingRefs > 0 ? slice.loadRef().beginParse() : undefined;
  }
  return Buffer.concat(parts);
}
