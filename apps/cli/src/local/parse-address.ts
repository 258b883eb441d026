import type { NetworkId } from "@pingo/ton";
import { CliError } from "../cli-error.ts";

const MAINNET = -239;

/**
 * @param option which one it was, as people write it
 * @param network where it is used: a form that is written for testnet alone names another wallet on mainnet
 * @returns workchain:hex
 * @throws {CliError} OPTION_INVALID
 */
export async function parseAddress(option: string, text: string, network?: NetworkId): Promise<string> {
  const { Address } = await import("@ton/core");
  try {
    const address = Address.parse(text);
    const isTest = Address.isFriendly(text) && Address.parseFriendly(text).isTestOnly;
    if (address.workChain === 0 && !(isTest && network === MAINNET)) return address.toRawString();
  } catch {
    // told below, as every text that is no address of ours
  }
  const expected =
    network === MAINNET
      ? "an address of a wallet on mainnet, such as UQ… or 0:…"
      : "an address of a wallet, such as UQ… or 0:…";
  throw new CliError({ code: "OPTION_INVALID", option, value: text.slice(0, 80), expected });
}
