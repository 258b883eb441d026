/** On-chain metadata of a token: a dictionary by sha-256 of the key, values in snakes of bytes. SOURCE: TEP-64. */
import { createHash } from "node:crypto";
import { beginCell, type Cell, Dictionary } from "@ton/core";

const ON_CHAIN = 0x00;
const SNAKE = 0x00;
/** Of the 1,023 bits of a cell. */
const CELL_BYTES_MAX = 127;

export function encodeOnChainContent(fields: Readonly<Record<string, string>>): Cell {
  const valueByKey = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  for (const [key, value] of Object.entries(fields)) {
    const prefixed = Buffer.concat([Buffer.from([SNAKE]), Buffer.from(value, "utf8")]);
    valueByKey.set(createHash("sha256").update(key).digest(), snakeOf(prefixed));
  }
  return beginCell().storeUint(ON_CHAIN, 8).storeDict(valueByKey).endCell();
}

function snakeOf(bytes: Buffer): Cell {
  const cell = beginCell().storeBuffer(bytes.subarray(0, CELL_BYTES_MAX));
  if (bytes.byteLength > CELL_BYTES_MAX) cell.storeRef(snakeOf(bytes.subarray(CELL_BYTES_MAX)));
  return cell.endCell();
}
