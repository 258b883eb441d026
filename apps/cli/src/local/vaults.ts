/** The vaults of genesis and what anyone may ask of them: what is due goes to its owner, whoever pays the way. */

import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { OrderError } from "./order-error.ts";
import { type OwnChain, openOwnChain } from "./own-chain.ts";
import { parseAddress } from "./parse-address.ts";

/** A transfer with the first rent of a wallet, and a claim's record; most of it comes back. */
const ASK_NANOGRAM = 100_000_000n;
const VAULT = /^(investors|team)-\d+$/;

/** @param name of the address book: investors-1, team-1. @throws {OrderError} NO_SUCH_VAULT, NOTHING_VESTED; {CliError} */
export async function releaseVested(
  context: Context,
  name: string,
): Promise<{ readonly releasedNano: bigint }> {
  const chain = await openOwnChain(context);
  const vaults = chain.names.filter((known) => VAULT.test(known));
  if (!vaults.includes(name))
    throw new OrderError({ code: "NO_SUCH_VAULT", name: name.slice(0, 64), names: vaults.join(", ") });
  const { encodeRelease, VestingAt } = await import("@pingo/contracts");
  const to = await at(chain, name);
  const vault = chain.client.open(new VestingAt(to));
  const before = await vault.getReleasedNano();
  if ((await vault.getVestedNano(await chain.client.nowUnixS(context.signal))) <= before)
    throw new OrderError({ code: "NOTHING_VESTED", name });
  const after = await chain.ask({
    what: "what has vested",
    messages: [{ to, valueNanogram: ASK_NANOGRAM, body: encodeRelease() }],
    async look() {
      const released = await vault.getReleasedNano();
      return released > before ? released : undefined;
    },
  });
  return { releasedNano: after - before };
}

/** After the last day. @throws {OrderError} AIRDROP_GOES_ON, AIRDROP_EMPTY; {CliError} */
export async function reclaimAirdrop(context: Context): Promise<{ readonly reclaimedNano: bigint }> {
  const chain = await openOwnChain(context);
  const { AirdropAt, encodeReclaim } = await import("@pingo/contracts");
  const to = await at(chain, "airdrop");
  const vault = chain.client.open(new AirdropAt(to));
  const { leftNano, endsAtUnixS: untilUnixS } = await vault.getView();
  if ((await chain.client.nowUnixS(context.signal)) < untilUnixS)
    throw new OrderError({ code: "AIRDROP_GOES_ON", untilUnixS });
  if (leftNano === 0n) throw new OrderError({ code: "AIRDROP_EMPTY" });
  await chain.ask({
    what: "the rest of the airdrop",
    messages: [{ to, valueNanogram: ASK_NANOGRAM, body: encodeReclaim() }],
    look: async () => (await vault.getView()).leftNano === 0n || undefined,
  });
  return { reclaimedNano: leftNano };
}

/**
 * @param genesis the file that lists the owners, as it was deployed
 * @param owner workchain:hex; this home's wallet unless given
 * @throws {OrderError} AIRDROP_LIST_ELSEWHERE, AIRDROP_OVER, NOT_IN_AIRDROP, AIRDROP_CLAIMED; {GenesisFileError}; {CliError} BOOK_OF_ANOTHER_GENESIS
 */
export async function claimAirdrop(
  context: Context,
  genesis: { readonly text: string; readonly path: string },
  owner: string | undefined,
): Promise<{ readonly owner: string; readonly nano: bigint }> {
  const { AirdropAt, ClaimRecord, encodeClaim, planDeployment, readGenesisFile, treeOfAirdrop } =
    await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { path } = genesis;
  const file = readGenesisFile(genesis.text, path).genesis;
  const chain = await openOwnChain(context);
  if (planDeployment(file).addressBook["airdrop"] !== chain.addressOf("airdrop"))
    throw new CliError({ code: "BOOK_OF_ANOTHER_GENESIS", path });
  const { owners } = file.airdrop;
  if (owners === null) throw new OrderError({ code: "AIRDROP_LIST_ELSEWHERE", path });
  const of = Address.parseRaw(owner ?? (await chain.ownAddress()));
  const given = owners.find((one) => one.owner.equals(of));
  if (given === undefined) throw new OrderError({ code: "NOT_IN_AIRDROP", owner: of.toRawString() });
  const to = await at(chain, "airdrop");
  const { endsAtUnixS: untilUnixS } = await chain.client.open(new AirdropAt(to)).getView();
  if ((await chain.client.nowUnixS(context.signal)) >= untilUnixS)
    throw new OrderError({ code: "AIRDROP_OVER", untilUnixS });
  const record = chain.client.open(new ClaimRecord(of, to));
  if ((await record.getPaidNano()) >= given.amountNano)
    throw new OrderError({ code: "AIRDROP_CLAIMED", owner: of.toRawString() });
  await chain.ask({
    what: "the airdrop's part",
    messages: [
      { to, valueNanogram: ASK_NANOGRAM, body: encodeClaim(of, treeOfAirdrop(owners).proofOf(of.hash)) },
    ],
    look: async () => (await record.getPaidNano()) >= given.amountNano || undefined,
  });
  return { owner: of.toRawString(), nano: given.amountNano };
}

/** Anyone's: a contract of ours is told of PINGO that came without a notice, and books it. @param owner a name of the address book, or an address */
export async function tellOwner(
  context: Context,
  owner: string,
): Promise<{ readonly owner: string; readonly toldNano: bigint }> {
  const chain = await openOwnChain(context);
  const { encodeTellOwner, PingoWallet } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const of = Address.parseRaw(
    chain.names.includes(owner) ? chain.addressOf(owner) : await parseAddress("<contract>", owner),
  );
  const wallet = new PingoWallet(of, await at(chain, "minter"));
  const untold = await chain.client.open(wallet).getUntoldNano();
  if (untold === 0n) throw new OrderError({ code: "NOTHING_UNTOLD", owner });
  await chain.ask({
    what: "the late notice",
    messages: [{ to: wallet.address, valueNanogram: ASK_NANOGRAM, body: encodeTellOwner() }],
    // What is told is nothing yet: its owner may refuse the notice. Whoever books it gives the GRAM back.
    look: async (answers) => answers.some(({ inMessage }) => inMessage?.from?.equals(of)) || undefined,
  });
  return { owner: of.toRawString(), toldNano: untold };
}

async function at(chain: OwnChain, name: string) {
  const { Address } = await import("@ton/core");
  return Address.parseRaw(chain.addressOf(name));
}
