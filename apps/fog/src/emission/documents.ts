/** What epochs gave, as their published files say, and the claim trees of those that pay. */
import { type ClaimTree, treeOf } from "@pingo/contracts";
import {
  type Cid,
  EPOCH_BYTES_MAX,
  type EpochDocument,
  type Pool,
  parseShape,
  zEpochDocument,
} from "@pingo/core";
import { type Blocks, readFile, writeFile } from "@pingo/storage";

export class Documents {
  readonly #blocks: Blocks;
  /** A tree of a million owners takes 150 MB: the last of each pool is kept. */
  readonly #treeByPool = new Map<Pool, { readonly document: Cid; readonly tree: ClaimTree | null }>();

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  write(document: EpochDocument): Promise<Cid> {
    return writeFile(this.#blocks, new TextEncoder().encode(`${JSON.stringify(document, null, 1)}\n`));
  }

  /** @throws {StorageError} where a block of it is gone; {ShapeError} */
  async read(cid: Cid): Promise<EpochDocument> {
    const bytes = await readFile(this.#blocks, cid, { sizeBytesMax: EPOCH_BYTES_MAX });
    return parseShape(zEpochDocument, jsonOrNull(new TextDecoder().decode(bytes)), "an epoch's file");
  }

  /** null where the pool gave nobody anything. */
  async tree(cid: Cid, pool: Pool): Promise<ClaimTree | null> {
    const known = this.#treeByPool.get(pool);
    if (known?.document === cid) return known.tree;
    const tree = treeOf((await this.read(cid)).pools[pool].given);
    this.#treeByPool.set(pool, { document: cid, tree });
    return tree;
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no epoch's file: refused by its shape
  }
}
