/** A genesis file with blanks, filled in for this home and kept beside the address book: the same command means the same contracts. */
import type { Toncenter, WalletSender } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { readFogKey } from "./fog-key.ts";

export interface GenesisText {
  readonly text: string;
  readonly path: string;
}

/** Beside the address book that came of it. */
export function keptGenesisPath(bookPath: string): string {
  return `${bookPath.replace(/\.json$/, "")}.genesis.yaml`;
}

/** @throws {CliError} NO_FOG_KEY, BOOK_OF_ANOTHER_GENESIS where what was filled in here is another file's */
export async function fillForHome(
  context: Context,
  { text, path }: GenesisText,
  {
    chain,
    sender,
    bookPath,
  }: { readonly chain: Toncenter; readonly sender: WalletSender; readonly bookPath: string },
): Promise<GenesisText> {
  const { fillGenesis, hasBlanks, isFilledFrom } = await import("@pingo/contracts");
  if (!hasBlanks(text)) return { text, path };
  const { disk } = context.ports;
  const keptPath = keptGenesisPath(bookPath);
  const kept = await disk.read(keptPath);
  if (kept !== undefined) {
    const keptText = new TextDecoder().decode(kept);
    if (isFilledFrom(keptText, text)) return { text: keptText, path: keptPath };
    throw new CliError({ code: "BOOK_OF_ANOTHER_GENESIS", path: keptPath });
  }
  const own = sender.address.toRawString();
  const { publicKey } = await readFogKey(context);
  const filled = fillGenesis(text, {
    ...{ deployer: own, founder: own, fogKey: Buffer.from(publicKey).toString("hex") },
    nowUnixS: await chain.nowUnixS(context.signal),
  });
  await disk.write(keptPath, new TextEncoder().encode(filled));
  return { text: filled, path: keptPath };
}
