/**
 * Whether this home's network has a chain: TON on this machine, with the gate closed, or none.
 *
 * A home is begun one way and stays so. Its books say of every job whether an escrow on chain paid for it; half of them with a chain and half without
 * would leave providers with earnings that no escrow covers, and payouts that wait for ever.
 */
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export const HOME_CHAINS = ["devnet", "none"] as const;
export type HomeChain = (typeof HOME_CHAINS)[number];

/** Of the local devnet, beside its blocks. Written before anything is sent there. */
export const GENESIS_NAME = "genesis.json";
/** What a fog node leaves in its folder beside the key, which the chain's genesis needs first. */
const FOG_TRACES = ["database", "blocks"];

/** @throws {CliError} OPTION_INVALID */
export function parseChain(text: string | undefined): HomeChain | undefined {
  const found = HOME_CHAINS.find((name) => name === text);
  if (text === undefined || found !== undefined) return found;
  const expected = HOME_CHAINS.join(" or ");
  throw new CliError({ code: "OPTION_INVALID", option: "--chain", value: text.slice(0, 64), expected });
}

/** @throws {CliError} HOME_OF_OTHER_CHAIN where the home was begun the other way */
export async function chainOfHome(context: Context, wanted: HomeChain | undefined): Promise<HomeChain> {
  const { screen, config } = context;
  const begun = await begunWith(context);
  if (wanted === undefined && begun === "none")
    screen.line(
      "this home was begun without a chain and goes on so: its gate is open, and who is paid stands in its books alone; " +
        "set PINGO_HOME to a new folder for one whose gate is closed",
    );
  if (wanted !== undefined && begun !== undefined && wanted !== begun)
    throw new CliError({ code: "HOME_OF_OTHER_CHAIN", home: config.home, begun });
  return wanted ?? begun ?? "devnet";
}

/** undefined: nothing ran in it yet. */
async function begunWith({ config, ports: { disk } }: Context): Promise<HomeChain | undefined> {
  if ((await disk.list(join(config.home, "devnet"))).includes(GENESIS_NAME)) return "devnet";
  const traces = await disk.list(join(config.home, "fog"));
  return FOG_TRACES.some((name) => traces.includes(name)) ? "none" : undefined;
}
