/** The stake of this home's provider in the registry on chain: its key, what it lends, and the PINGO behind it. */
import type { Stake, StakeView } from "@pingo/contracts";
import { formatPingo, type KeyPair } from "@pingo/core";
import type { NetworkId, WalletMessage } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { ownKeys } from "./own-ids.ts";

export interface StakePayer {
  readonly network: NetworkId;
  readonly key: KeyPair;
}

export interface LentSize {
  readonly millicores: number;
  readonly bytes: number;
}

export interface OwnStake {
  readonly address: string;
  /** What the registry asks of a provider. */
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
const GRAM_NEEDED_NANO = NANOGRAM / 4n;
const LOOK_EVERY_MS = 400;
const LOOKS_MAX = 150;

/** @throws {CliError} NO_ADDRESS_BOOK, NO_PROVIDER_KEY; {ToncenterError} */
export async function openOwnStake(context: Context, { network, key }: StakePayer): Promise<OwnStake> {
  const { config, ports, signal } = context;
  const { clock, fetch } = ports;
  const book = await findAddressBook(context, config.chain.addressBookPath);
  const registryAddress = book?.addresses["registry"];
  if (registryAddress === undefined)
    throw new CliError({ code: "NO_ADDRESS_BOOK", path: config.chain.addressBookPath });
  const node = (await ownKeys(context)).find(({ name }) => name === PROVIDER)?.key;
  if (node === undefined) throw new CliError({ code: "NO_PROVIDER_KEY" });
  const contracts = await import("@pingo/contracts");
  const { createToncenter, createWalletSender, ToncenterError } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const chain = createToncenter({ ...config.chain, fetch, clock });
  const sender = createWalletSender({ chain, key, network, clock, signal });
  const registry = new contracts.RegistryAt(Address.parseRaw(registryAddress));
  const { rules, parameters } = await chain.open(registry).getView();
  const stake: Stake = new contracts.Stake(registry.address, node.publicKey, "provider", rules);
  const view = (): Promise<StakeView | null> => chain.open(stake).getView();
  const purse = new contracts.PingoWallet(sender.address, rules.minter);
  const send = async (
    messages: readonly WalletMessage[],
    isDone: (after: StakeView) => boolean,
  ): Promise<StakeView> => {
    const { balanceNanogram } = await chain.account(sender.address, signal);
    const address = sender.address.toString({ bounceable: false });
    if (balanceNanogram < GRAM_NEEDED_NANO) throw new CliError({ code: "GRAM_MISSING", address });
    await sender.send(messages);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const after = await view();
      if (after !== null && isDone(after)) return after;
      await clock.sleep(LOOK_EVERY_MS, { signal });
    }
    const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
    throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "the change of the stake", seconds });
  };
  const ask = { to: stake.address, valueNanogram: ASK_NANOGRAM };
  const own = async (): Promise<StakeView> => {
    const before = await view();
    if (before?.owner?.equals(sender.address)) return before;
    throw new CliError({ code: "STAKE_NOT_OWNED", owner: before?.owner?.toRawString() ?? null });
  };
  return {
    address: stake.address.toRawString(),
    minNano: parameters.providerStakeMinNano,
    view,
    async register({ millicores, bytes }, stakeNano) {
      const before = await view();
      if (before?.isBarred) throw new CliError({ code: "STAKE_BARRED" });
      if (before?.owner) await own();
      const foundNano = await chain.open(purse).getBalanceNano();
      if (foundNano < stakeNano)
        throw new CliError({
          code: "STAKE_PINGO_MISSING",
          ...{ address: sender.address.toString({ bounceable: false }), neededNano: stakeNano, foundNano },
        });
      const totalNano = (before?.stakedNano ?? 0n) + stakeNano;
      if (totalNano < parameters.providerStakeMinNano)
        throw new CliError({ code: "STAKE_TOO_SMALL", minNano: parameters.providerStakeMinNano, totalNano });
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
      const { unbondingNano, unbondsAtUnixS } = await own();
      if (unbondingNano === 0n) throw new CliError({ code: "NOTHING_UNBONDS" });
      if ((await chain.nowUnixS(signal)) < unbondsAtUnixS)
        throw new CliError({ code: "STILL_UNBONDING", unbondsAtUnixS });
      return send([{ ...ask, body: contracts.encodeCollect() }], (after) => after.unbondingNano === 0n);
    },
  };
}

export function stakeLines({
  millicores,
  bytes,
  stakedNano,
  unbondingNano,
  unbondsAtUnixS,
}: StakeView): readonly string[] {
  const until = new Date(unbondsAtUnixS * 1000).toLocaleString("sv-SE", {
    dateStyle: "short",
    timeStyle: "short",
  });
  return [
    `registered: ${Number(millicores) / 1000} cores, ${bytes} bytes, ${formatPingo(stakedNano)} at stake`,
    ...(unbondingNano > 0n
      ? [`${formatPingo(unbondingNano)} unbonds until ${until}; "pingo node collect" then`]
      : []),
  ];
}
