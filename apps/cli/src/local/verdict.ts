/**
 * A stranger's verdict on a result: receipt, statement, unit and inputs fetched by what they are named, every signature verified, and the work done again
 * here. The fog node that is asked is a store of blocks, nothing it says is believed.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  assertStatementOf,
  type Cid,
  cidOfValue,
  commitmentOf,
  decodeCanonical,
  encodeCanonical,
  isRunUnit,
  openSigned,
  parseShape,
  RECEIPT_DOMAIN,
  type Receipt,
  type Signed,
  type SignedStatement,
  type VerdictBlock,
  type WorkUnit,
  zCid,
  zSignedReceipt,
  zSignedStatement,
  zVerdictBlock,
  zWorkUnit,
} from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import { type Blocks, copyDag, createDiskBlocks } from "@pingo/storage";
import { z } from "zod";
import type { Context } from "../context.ts";
import { type Redone, reexecute } from "./reexecute.ts";
import { SlashError } from "./slash-error.ts";

export interface Verdict extends Redone {
  readonly receipt: Receipt;
  /** null where it was asked about a receipt alone. */
  readonly statement: SignedStatement | null;
  readonly isContradicted: boolean;
  /** What the statement would have to say for the work that was done here. */
  readonly reexecuted: Uint8Array;
  /** Puts what proves it into the fog node's store. @throws {SlashError} NO_STATEMENT */
  publish(to: Blocks): Promise<Cid>;
}

const zProgram = z.object({ graph: zCid });

/**
 * @param about  CID of a statement, of a receipt, or of somebody else's verdict
 * @throws {SlashError} NOT_A_RESULT, NOT_REEXECUTED; {SignatureError}; {StatementError}; {StorageError} BLOCK_NOT_FOUND
 */
export async function withVerdict<T>(
  context: Context,
  client: FogClient,
  about: Cid,
  use: (verdict: Verdict) => Promise<T>,
): Promise<T> {
  const { config, ports, signal } = context;
  const from = await client.store({ signal });
  const { statement, receipt } = await readClaim(from, about, signal);
  const unit = parseShape(zWorkUnit, decodeCanonical(await from.get(receipt.unit, { signal })), "the unit");
  const blocksFolder = join(config.home, "verdicts", about);
  const here = createDiskBlocks({ folder: blocksFolder, disk: ports.disk });
  try {
    for (const root of await rootsOf(unit, from, signal)) await copyDag(root, from, here, { signal });
    await copyDag(receipt.update, from, here, { signal });
    const work = { blocksFolder, unit, steps: receipt.steps, update: receipt.update };
    const redone = await reexecute(work, signal);
    const { deviation, tolerance, update } = redone;
    return await use({
      ...redone,
      ...{ receipt, statement },
      isContradicted: deviation > tolerance,
      reexecuted: commitmentOf({ steps: receipt.steps, update }),
      async publish(to) {
        if (statement === null) throw new SlashError({ code: "NO_STATEMENT", cid: about });
        await copyDag(update, here, to, { signal });
        const block: VerdictBlock = {
          kind: "pingo/verdict/v1",
          ...{ statement: cidOfValue(statement), receipt: statement.receipt, unit: receipt.unit },
          ...{ steps: receipt.steps, claimed: receipt.update, reexecuted: update, tolerance },
          deviation: deviation < Number.MAX_VALUE ? deviation : null,
        };
        return to.put(encodeCanonical(block), "dagCbor", { signal });
      },
    });
  } finally {
    await rm(blocksFolder, { recursive: true, force: true });
  }
}

/** @throws {SlashError} NOT_A_RESULT; {SignatureError}; {StatementError} */
async function readClaim(
  from: Blocks,
  about: Cid,
  signal: AbortSignal,
): Promise<{ readonly statement: SignedStatement | null; readonly receipt: Receipt }> {
  const value = decodeCanonical(await from.get(about, { signal }));
  const verdict = zVerdictBlock.safeParse(value);
  if (verdict.success) return readClaim(from, verdict.data.statement ?? verdict.data.receipt, signal);
  const alone = zSignedReceipt.safeParse(value);
  if (alone.success) return { statement: null, receipt: openReceipt(alone.data, about) };
  const stated = zSignedStatement.safeParse(value);
  if (!stated.success) throw new SlashError({ code: "NOT_A_RESULT", cid: about });
  const statement = stated.data;
  const block = decodeCanonical(await from.get(statement.receipt, { signal }));
  const signed = parseShape(zSignedReceipt, block, "the receipt");
  const receipt = openReceipt(signed, about);
  assertStatementOf(statement, signed, statement.registry);
  return { statement, receipt };
}

function openReceipt(signed: Signed<Receipt>, about: Cid): Receipt {
  const receipt = openSigned(RECEIPT_DOMAIN, signed);
  if (receipt.provider !== signed.signer) throw new SlashError({ code: "NOT_A_RESULT", cid: about });
  return receipt;
}

async function rootsOf(unit: WorkUnit, from: Blocks, signal: AbortSignal): Promise<readonly Cid[]> {
  if (isRunUnit(unit)) return unit.input === null ? [unit.module] : [unit.module, unit.input.cid];
  const { graph } = parseShape(
    zProgram,
    decodeCanonical(await from.get(unit.program, { signal })),
    "the program",
  );
  return [unit.program, graph, unit.weights, ...unit.shards.map(({ cid }) => cid)];
}
