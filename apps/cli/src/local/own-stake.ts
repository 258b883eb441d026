/** The stake of this home's provider, or fog node, in the registry on chain: its key, what it lends, and the PINGO behind it. */
import type { MemberRole, Stake, StakeView } from "@pingo/contracts";
import { formatCores, formatPingo, type KeyPair } from "@pingo/core";
import type { WalletMessage } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { runErrand } from "./errand.ts";
import { readFogKey } from "./fog-key.ts";
import { openHomePayer } from "./local-payer.ts";
import { ownKeys } from "./own-ids.ts";

export interface LentSize {
  readonly millicores: number;
  readonly bytes: number;
}

export interface OwnStake {
  readonly address: string;
  /** What the registry asks of one of its role. */
  readonly minNano: bigint;
  view(): Promise<StakeView | null>;
  /** Registers the key and its size, and puts so much PINGO at stake beside what is there. */
  register(size: LentSize, stakeNano: bigint): Promise<StakeView>;
  unbond(amountNano: bigint): Promise<StakeView>;
  collect(): Promise<StakeView>;
}

const PROVIDER = "provider";
const NANOGRAM = 1_000_000_000n;
/** With the stake's rent, a transfer with its notice, and a payment out of it; the rest of each comes back. */
const ASK_NANOGRAM = NANOGRAM / 10n;
const NOTICE_NANOGRAM = NANOGRAM / 500n;

/**
 * Paid for by this home's wallet; where it has none, by that of its own devnet.
 *
 * @throws {CliError} NO_WALLET, NO_ADDRESS_BOOK, NO_PROVIDER_KEY, NO_FOG_KEY, and of what is asked GRAM_MISSING, REFUSED_ON_CHAIN; {ToncenterError}
 */
export async function openOwnStake(context: Context, role: MemberRole): Promise<OwnStake> {
  const { config, ports, signal } = context;
  const { clock, fetch } = ports;
  const payer = await openHomePayer(context);
  const { key, network, endpoint = config.chain.endpoint, bookPath = config.chain.addressBookPath } = payer;
  const book = await findAddressBook(context, bookPath);
  const registryAddress = book?.addresses["registry"];
  if (registryAddress === undefined) throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
  const node = await memberKey(context, role);
  const contracts = await import("@pingo/contracts");
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const chain = createToncenter({ ...config.chain, endpoint, fetch, clock });
  const sender = createWalletSender({ chain, key, network, clock, signal });
  const registry = new contracts.RegistryAt(Address.parseRaw(registryAddress));
  const { rules, parameters } = await chain.open(registry).getView();
  const stake: Stake = new contracts.Stake(registry.address, node.publicKey, role, rules);
  const minNano = role === PROVIDER ? parameters.providerStakeMinNano : parameters.fogStakeMinNano;
  const view = (): Promise<StakeView | null> => chain.open(stake).getView();
  const purse = new contracts.PingoWallet(sender.address, rules.minter);
  const send = (
    messages: readonly WalletMessage[],
    isDone: (after: StakeView) => boolean,
  ): Promise<StakeView> =>
    runErrand(
      context,
      { chain, sender },
      {
        ...{ what: "the change of the stake", messages },
        async look() {
          const after = await view();
          return after !== null && isDone(after) ? after : undefined;
        },
      },
    );
  const ask = { to: stake.address, valueNanogram: ASK_NANOGRAM };
  const own = async (): Promise<StakeView> => {
    const before = await view();
    if (before?.owner?.equals(sender.address)) return before;
    throw new CliError({ code: "STAKE_NOT_OWNED", role, owner: before?.owner?.toRawString() ?? null });
  };
  return {
    address: stake.address.toRawString(),
    minNano,
    view,
    async register({ millicores, bytes }, stakeNano) {
      const before = await view();
      if (before?.isBarred) throw new CliError({ code: "STAKE_BARRED", role });
      if (before?.owner) await own();
      const foundNano = stakeNano === 0n ? 0n : await chain.open(purse).getBalanceNano();
      if (foundNano < stakeNano)
        throw new CliError({
          code: "STAKE_PINGO_MISSING",
          ...{ address: sender.address.toString({ bounceable: false }), neededNano: stakeNano, foundNano },
        });
      const totalNano = (before?.stakedNano ?? 0n) + stakeNano;
      if (totalNano < minNano) throw new CliError({ code: "STAKE_TOO_SMALL", minNano, totalNano });
      const size = { millicores: BigInt(millicores), bytes: BigInt(bytes) };
      const signature = contracts.signRegistration(node, stake.address, network, sender.address);
      const body = contracts.encodeTransfer({
        ...{ amountNano: stakeNano, to: stake.address, excessesTo: sender.address },
        forwardNanogram: NOTICE_NANOGRAM,
      });
      return send(
        [
          { ...ask, init: stake.init, body: contracts.encodeRegister(size, signature) },
          ...(stakeNano === 0n ? [] : [{ to: purse.address, valueNanogram: ASK_NANOGRAM, body }]),
        ],
        (after) =>
          after.millicores === size.millicores && after.bytes === size.bytes && after.stakedNano >= totalNano,
      );
    },
    async unbond(amountNano) {
      const { stakedNano } = await own();
      if (stakedNano < amountNano)
        throw new CliError({ code: "STAKE_LESS", stakedNano, askedNano: amountNano });
      const leftNano = stakedNano - amountNano;
      return send(
        [{ ...ask, body: contracts.encodeUnbond(amountNano) }],
        (after) => after.stakedNano <= leftNano,
      );
    },
    async collect() {
      const { unbondingNano, unbondsAtUnixS, owedNano } = await own();
      // What a wallet returned: collecting pays it as well.
      if (unbondingNano === 0n && owedNano > 0n)
        return send([{ ...ask, body: contracts.encodePayOwed() }], (after) => after.owedNano < owedNano);
      if (unbondingNano === 0n) throw new CliError({ code: "NOTHING_UNBONDS", role });
      if ((await chain.nowUnixS(signal)) < unbondsAtUnixS)
        throw new CliError({ code: "STILL_UNBONDING", unbondsAtUnixS });
      return send([{ ...ask, body: contracts.encodeCollect() }], (after) => after.unbondingNano === 0n);
    },
  };
}

async function memberKey(context: Context, role: MemberRole): Promise<KeyPair> {
  if (role === PROVIDER) {
    const own = (await ownKeys(context)).find(({ name }) => name === PROVIDER)?.key;
    if (own === undefined) throw new CliError({ code: "NO_PROVIDER_KEY" });
    return own;
  }
  return readFogKey(context);
}

export function stakeLines({
  millicores,
  bytes,
  stakedNano,
  unbondingNano,
  unbondsAtUnixS,
  owedNano,
}: StakeView): readonly string[] {
  const until = new Date(unbondsAtUnixS * 1000).toLocaleString("sv-SE", {
    dateStyle: "short",
    timeStyle: "short",
  });
  return [
    `registered: ${formatCores(Number(millicores))}, ${bytes} bytes, ${formatPingo(stakedNano)} at stake`,
    ...(unbondingNano > 0n
      ? [`${formatPingo(unbondingNano)} unbonds until ${until}; it can be collected then`]
      : []),
    ...(owedNano > 0n
      ? [`${formatPingo(owedNano)} is owed, which a wallet sent back; collecting pays it`]
      : []),
  ];
}
