/** A verdict that more members of the quorum have to sign: a file that goes from one to the next. */
import { type Cid, type Disk, type NodeId, parseShape, zCid, zCount, zNodeId } from "@pingo/core";
import { z } from "zod";
import { CliError } from "../cli-error.ts";

export interface SlashOrder {
  readonly kind: "pingo/slash-order/v1";
  readonly statement: Cid;
  /** dag-cbor block: what the first of them found. */
  readonly evidence: Cid;
  /** Of the stake. */
  readonly millionths: number;
  /** Of the quorum's orders; another order in between makes it void. */
  readonly seqno: number;
  readonly validUntilUnixS: number;
  /** In base64, over the order's hash. */
  readonly signatures: readonly { readonly signer: NodeId; readonly signature: string }[];
}

const FILE_BYTES_MAX = 65_536;
const SIGNERS_MAX = 64;

const zSlashOrder: z.ZodType<SlashOrder> = z.strictObject({
  kind: z.literal("pingo/slash-order/v1"),
  statement: zCid,
  evidence: zCid,
  millionths: z.int().min(0).max(1_000_000),
  seqno: zCount,
  validUntilUnixS: zCount,
  signatures: z.array(z.strictObject({ signer: zNodeId, signature: z.base64().max(100) })).max(SIGNERS_MAX),
});

/** undefined where there is none yet. @throws {CliError} FILE_TOO_LARGE, FILE_NOT_JSON; {ShapeError} */
export async function readOrder(disk: Disk, path: string): Promise<SlashOrder | undefined> {
  const bytes = await disk.read(path);
  if (bytes === undefined) return undefined;
  if (bytes.byteLength > FILE_BYTES_MAX)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax: FILE_BYTES_MAX });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError({ code: "FILE_NOT_JSON", path, why }, { cause });
  }
  return parseShape(zSlashOrder, value, path);
}

export async function writeOrder(disk: Disk, path: string, order: SlashOrder): Promise<void> {
  await disk.write(path, new TextEncoder().encode(`${JSON.stringify(order, null, 2)}\n`));
}
