/** The hash by which a sent message is found again. SOURCE: TEP-467. */
import { beginCell, type Cell, loadMessage } from "@ton/core";

const EXTERNAL_IN_TAG = 0b10;
const NO_ADDRESS = 0b00;

/** Without what relays may change: source, import fee and initial state; the body in a cell of its own. */
export function normalizedHash(cell: Cell): Buffer {
  const { info, body } = loadMessage(cell.beginParse());
  if (info.type !== "external-in") return cell.hash();
  return beginCell()
    .storeUint(EXTERNAL_IN_TAG, 2)
    .storeUint(NO_ADDRESS, 2)
    .storeAddress(info.dest)
    .storeCoins(0)
    .storeBit(false)
    .storeBit(true)
    .storeRef(body)
    .endCell()
    .hash();
}
