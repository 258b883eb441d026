/** This home's wallet: one file that only its owner may read, written once. */
import { link, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyPair } from "@pingo/core";
import { diskErrorOf, errorCode, makeFolder } from "@pingo/core/system";
import type { WalletFile } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { askSecret } from "../view/ask-secret.ts";
import { readSecret } from "./read-secret.ts";

const OWNER_ONLY = 0o600;
const PASSPHRASE_BYTES_MAX = 4_096;

export function walletPath({ config }: Pick<Context, "config">): string {
  return join(config.home, "wallet.json");
}

/** undefined where there is none. */
export async function findWallet(context: Context): Promise<WalletFile | undefined> {
  const { parseWalletFile, WALLET_FILE_BYTES_MAX } = await import("@pingo/ton");
  const path = walletPath(context);
  const bytes = await context.ports.disk.read(path);
  if (bytes === undefined) return undefined;
  if (bytes.byteLength > WALLET_FILE_BYTES_MAX)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax: WALLET_FILE_BYTES_MAX });
  return parseWalletFile(jsonOrNull(new TextDecoder().decode(bytes)), path);
}

/** @throws {CliError} NO_WALLET */
export async function readWallet(context: Context): Promise<WalletFile> {
  const found = await findWallet(context);
  if (found === undefined) throw new CliError({ code: "NO_WALLET", path: walletPath(context) });
  return found;
}

/**
 * Never over another wallet: its coins would be gone.
 *
 * Goes to the file system itself rather than through the Disk port: it must never exist, not even for a moment, in a file that
 * others may read.
 *
 * @throws {CliError} WALLET_EXISTS
 */
export async function keepWallet(context: Context, wallet: WalletFile): Promise<void> {
  const path = walletPath(context);
  const beside = `${path}.${Buffer.from(context.ports.prng.bytes(4)).toString("hex")}.tmp`;
  try {
    await makeFolder(dirname(path), { mode: 0o700 });
    {
      await using file = await open(beside, "wx", OWNER_ONLY);
      await file.writeFile(`${JSON.stringify(wallet, null, 2)}\n`);
      await file.sync();
    }
    await link(beside, path);
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") throw new CliError({ code: "WALLET_EXISTS", path }, { cause });
    throw diskErrorOf(path, cause);
  } finally {
    await rm(beside, { force: true });
  }
}

/** @throws {CliError} NO_WALLET, PASSPHRASE_NEEDED; {WalletError} PASSPHRASE_WRONG */
export async function openWallet(
  context: Context,
): Promise<{ readonly file: WalletFile; readonly key: KeyPair }> {
  const { keyOfWalletFile } = await import("@pingo/ton");
  const file = await readWallet(context);
  return { file, key: await keyOfWalletFile(file, await passphraseOf(context, "Passphrase: ")) };
}

/** From the environment, a file that it names, or whoever sits at the terminal. @throws {CliError} PASSPHRASE_NEEDED */
export async function passphraseOf(context: Context, question: string): Promise<string> {
  const { passphrase, passphraseFile } = context.config.wallet;
  if (passphrase !== undefined) return passphrase;
  if (passphraseFile !== undefined) {
    const text = await readSecret(context, passphraseFile, PASSPHRASE_BYTES_MAX);
    return text.replace(/\r?\n$/, "");
  }
  if (context.terminal === undefined || context.screen.isJson)
    throw new CliError({ code: "PASSPHRASE_NEEDED" });
  return askSecret(context.terminal, question, context.signal);
}

/** Asked for twice where a person types it. */
export async function newPassphraseOf(context: Context): Promise<string> {
  const first = await passphraseOf(context, "A passphrase for the wallet: ");
  const { passphrase, passphraseFile } = context.config.wallet;
  if (passphrase !== undefined || passphraseFile !== undefined) return first;
  if ((await passphraseOf(context, "The same again: ")) !== first)
    throw new CliError({ code: "PASSPHRASES_DIFFER" });
  return first;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no wallet: refused by its shape
  }
}
