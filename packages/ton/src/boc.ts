/** Bags of cells from strangers: read within limits, and one root. */
import { FaultError, type Sentences } from "@pingo/core";
import { Cell } from "@ton/core";

export interface BocLimits {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly cellsMax: number;
}

/** What a validator takes as an external message. SOURCE: TON configuration parameter 43, block.tlb. */
export const BOC_LIMITS: BocLimits = { bytesMax: 65_535, depthMax: 512, cellsMax: 8_192 };

export type BocFault =
  | { readonly code: "BOC_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "BOC_TOO_DEEP"; readonly depth: number; readonly depthMax: number }
  | { readonly code: "BOC_TOO_MANY_CELLS"; readonly cellsMax: number }
  | { readonly code: "BOC_ROOTS"; readonly roots: number }
  | { readonly code: "BOC_MALFORMED"; readonly why: string };

const SENTENCES: Sentences<BocFault> = {
  BOC_TOO_LARGE: (f) => `the bag of cells has ${f.bytes} bytes; at most ${f.bytesMax} are read`,
  BOC_TOO_DEEP: (f) => `the cells are nested ${f.depth} deep; at most ${f.depthMax} are read`,
  BOC_TOO_MANY_CELLS: (f) => `the bag has more than ${f.cellsMax} cells; split it`,
  BOC_ROOTS: (f) => `the bag has ${f.roots} roots; one is expected`,
  BOC_MALFORMED: (f) => `these bytes are no bag of cells (${f.why}); send one as base64`,
};

export class BocError extends FaultError<BocFault> {
  override readonly name = "BocError";
  constructor(fault: BocFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** @throws {BocError} */
export function parseBoc(bytes: Uint8Array, limits: BocLimits = BOC_LIMITS): Cell {
  const { bytesMax, depthMax, cellsMax } = limits;
  if (bytes.byteLength > bytesMax)
    throw new BocError({ code: "BOC_TOO_LARGE", bytes: bytes.byteLength, bytesMax });
  const roots = deserialize(bytes);
  const [root] = roots;
  if (root === undefined || roots.length !== 1)
    throw new BocError({ code: "BOC_ROOTS", roots: roots.length });
  const depth = root.depth();
  if (depth > depthMax) throw new BocError({ code: "BOC_TOO_DEEP", depth, depthMax });
  if (countCells(root, cellsMax) > cellsMax) throw new BocError({ code: "BOC_TOO_MANY_CELLS", cellsMax });
  return root;
}

function deserialize(bytes: Uint8Array): readonly Cell[] {
  try {
    return Cell.fromBoc(Buffer.from(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BocError({ code: "BOC_MALFORMED", why: why.slice(0, 120) }, { cause });
  }
}

/** Different cells below a root, itself included; stops counting past `max`. */
function countCells(root: Cell, max: number): number {
  const seen = new Set<Cell>([root]);
  // A set hands out what is added to it while it is walked.
  for (const cell of seen) {
    for (const child of cell.refs) seen.add(child);
    if (seen.size > max) return seen.size;
  }
  return seen.size;
}
