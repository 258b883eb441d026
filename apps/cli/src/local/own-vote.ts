/** This home's wallet in governance: it proposes, votes by certificate and by locked PINGO, carries out, holds up. */
import type { Lock, LockView, ProposalView } from "@pingo/contracts";
import { equalBytes } from "@pingo/core";
import type { WalletSender } from "@pingo/ton";
import type { Address, Cell, Contract, ContractProvider } from "@ton/core";
import type { Context } from "../context.ts";
import { type Errand, runErrand } from "./errand.ts";
import { openHomePayer } from "./local-payer.ts";
import {
  type Governed,
  openGoverned,
  type ProposalState,
  readProposal,
  stateOf,
  tallyOf,
} from "./proposals.ts";
import { VoteError, type VoteFault } from "./vote-error.ts";

export interface Cast {
  readonly asBuilder: boolean;
  /** What voted as a user; 0 where only the certificate did. */
  readonly lockedNano: bigint;
  readonly untilUnixS: number;
}

export interface OwnVote {
  readonly governed: Governed;
  readonly address: string;
  lock(): Promise<LockView | null>;
  /** @returns the proposal, once the chain shows it */
  propose(call: {
    readonly target: Address;
    readonly order: Cell;
    readonly about: string;
  }): Promise<ProposalView>;
  /** @param lockNano to lock first, beside what is locked */
  vote(number: number, isFor: boolean, lockNano: bigint): Promise<Cast>;
  /** @returns what came home */
  unlock(): Promise<bigint>;
  execute(number: number): Promise<ProposalView>;
  /** @returns until when it holds, by the chain's clock */
  pause(target: Address, seconds: number): Promise<number>;
}

/** Governance, the registry and the emissions: what a guardian may hold up. */
interface PausableAt extends Contract {
  getView(provider: ContractProvider): Promise<{ readonly pausedUntilUnixS: number }>;
}

const NANOGRAM = 1_000_000_000n;
/** For a vote, a lock with its first rent, a pause: most of it comes back. */
const ASK_NANOGRAM = NANOGRAM / 10n;
/** A proposal with its rent, or an order to its target and all the way back. */
const PROPOSE_NANOGRAM = NANOGRAM / 4n;
const LOCK_RENT_NANOGRAM = NANOGRAM / 50n;
const NOTICE_NANOGRAM = NANOGRAM / 500n;

/** @throws {CliError} NO_WALLET, NO_ADDRESS_BOOK, and of what is asked REFUSED_ON_CHAIN; {VoteError}; {ToncenterError} */
export async function openOwnVote(context: Context): Promise<OwnVote> {
  const { signal } = context;
  const { clock } = context.ports;
  const governed = await openGoverned(context);
  const { network, key } = await openHomePayer(context);
  const contracts = await import("@pingo/contracts");
  const { createWalletSender } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const { chain, addresses, governance } = governed;
  const addressOf = (name: string): Address => Address.parseRaw(addresses[name] ?? "");
  const sender: WalletSender = createWalletSender({ chain, key, network, clock, signal });
  const own = sender.address;
  const address = own.toString({ bounceable: false, testOnly: network !== contracts.GLOBAL_ID.mainnet });
  const lock: Lock = new contracts.Lock(own, addressOf("governance"), addressOf("minter"));
  const purse = new contracts.PingoWallet(own, addressOf("minter"));
  const certificate = new contracts.Certificate(own, addressOf("certificates"));
  const governor = addressOf("governance");
  const nowUnixS = () => chain.nowUnixS(signal);
  const pausedUntil = async (target: Address): Promise<number> => {
    const at: PausableAt = target.equals(governor)
      ? new contracts.GovernanceAt(target)
      : target.equals(addressOf("registry"))
        ? new contracts.RegistryAt(target)
        : new contracts.DistributorAt(target);
    return (await chain.open(at).getView()).pausedUntilUnixS;
  };

  /** Until it is there, or the chain says why not. */
  const ask = <T>(errand: Errand<T>): Promise<T> => runErrand(context, { chain, sender }, errand);
  const builderFault = async (openedAtUnixS: number): Promise<VoteError | null> => {
    const view = await chain.open(certificate).getView();
    if (view === null) return new VoteError({ code: "NOT_A_BUILDER", why: "none" });
    if (!contracts.isCertificateValid(view, await nowUnixS()))
      return new VoteError({ code: "NOT_A_BUILDER", why: "invalid" });
    return view.sinceUnixS > openedAtUnixS ? new VoteError({ code: "NOT_A_BUILDER", why: "young" }) : null;
  };
  const isCast = (proposal: Address, chamber: "builders" | "users") =>
    chain.open(new contracts.Ballot(proposal, own, chamber)).getIsCast();
  const lockMore = async (amountNano: bigint): Promise<void> => {
    const foundNano = await chain.open(purse).getBalanceNano();
    if (foundNano < amountNano)
      throw new VoteError({ code: "LOCK_PINGO_MISSING", address, neededNano: amountNano, foundNano });
    const before = await chain.open(lock).getView();
    const wantedNano = (before?.amountNano ?? 0n) + amountNano;
    const body = contracts.encodeTransfer({
      ...{ amountNano, to: lock.address, excessesTo: own, forwardNanogram: NOTICE_NANOGRAM },
    });
    await ask({
      what: "the PINGO in the lock",
      messages: [
        ...(before === null
          ? [{ to: lock.address, valueNanogram: LOCK_RENT_NANOGRAM, init: lock.init }]
          : []),
        { to: purse.address, valueNanogram: ASK_NANOGRAM, body },
      ],
      look: async () => ((await chain.open(lock).getView())?.amountNano ?? 0n) >= wantedNano || undefined,
    });
  };

  return {
    governed,
    address,
    lock: () => chain.open(lock).getView(),
    async propose({ target, order, about }) {
      const fault = await builderFault(await nowUnixS());
      if (fault) throw fault;
      const { createHash } = await import("node:crypto");
      const digest = new Uint8Array(createHash("sha256").update(about).digest());
      const body = contracts.encodePropose(governor, { target, order, about: digest });
      let next = governance.proposals;
      return ask({
        what: "the proposal",
        messages: [{ to: certificate.address, valueNanogram: PROPOSE_NANOGRAM, body }],
        through: [governor],
        async look() {
          // Another's may come first: ours is the one that asks for this.
          for (;;) {
            const view = await chain.open(new contracts.Proposal(next, governor)).getView();
            if (view === null) return undefined;
            if (view.call.order.equals(order) && equalBytes(view.call.about, digest)) return view;
            next += 1;
          }
        },
      });
    },
    async vote(number, isFor, lockNano) {
      const view = await readProposal(governed, number);
      const { votesUntilUnixS: untilUnixS, enactsFromUnixS, openedAtUnixS } = view;
      if ((await nowUnixS()) >= untilUnixS) throw new VoteError({ code: "VOTE_OVER", number, untilUnixS });
      const proposal = new contracts.Proposal(number, governor).address;
      const fault = await builderFault(openedAtUnixS);
      const lockedNano = ((await chain.open(lock).getView())?.amountNano ?? 0n) + lockNano;
      if (fault !== null && lockedNano === 0n) {
        if (fault.fault.code === "NOT_A_BUILDER" && fault.fault.why !== "none") throw fault;
        throw new VoteError({ code: "NOTHING_TO_VOTE_WITH" });
      }
      const asBuilder = fault === null && !(await isCast(proposal, "builders"));
      const asUser = lockedNano > 0n && !(await isCast(proposal, "users"));
      if (!asBuilder && !asUser) throw new VoteError({ code: "VOTED_ALREADY", number });
      if (asUser && lockNano > 0n) await lockMore(lockNano);
      const user = contracts.encodeLockedVote(proposal, enactsFromUnixS, isFor);
      const builder = contracts.encodeBuilderVote(proposal, isFor);
      await ask({
        what: "the vote",
        messages: [
          ...(asUser ? [{ to: lock.address, valueNanogram: ASK_NANOGRAM, body: user }] : []),
          ...(asBuilder ? [{ to: certificate.address, valueNanogram: ASK_NANOGRAM, body: builder }] : []),
        ],
        through: [proposal],
        look: async () =>
          ((!asUser || (await isCast(proposal, "users"))) &&
            (!asBuilder || (await isCast(proposal, "builders")))) ||
          undefined,
      });
      return { asBuilder, lockedNano: asUser ? lockedNano : 0n, untilUnixS: enactsFromUnixS };
    },
    async unlock() {
      const view = await chain.open(lock).getView();
      if (view === null || view.amountNano === 0n) throw new VoteError({ code: "NOTHING_LOCKED" });
      const { amountNano, untilUnixS } = view;
      if ((await nowUnixS()) < untilUnixS)
        throw new VoteError({ code: "STILL_LOCKED", amountNano, untilUnixS });
      const wantedNano = (await chain.open(purse).getBalanceNano()) + amountNano;
      await ask({
        what: "the PINGO from the lock",
        messages: [{ to: lock.address, valueNanogram: ASK_NANOGRAM, body: contracts.encodeUnlock() }],
        look: async () => (await chain.open(purse).getBalanceNano()) >= wantedNano || undefined,
      });
      return amountNano;
    },
    async execute(number) {
      const view = await readProposal(governed, number);
      const now = await nowUnixS();
      const { votesUntilUnixS, enactsFromUnixS: fromUnixS, enactsUntilUnixS } = view;
      const { pausedUntilUnixS } = governance;
      const faults: Readonly<Record<ProposalState, VoteFault | null>> = {
        open: { code: "VOTE_GOES_ON", number, untilUnixS: votesUntilUnixS },
        "not-carried": { code: "NOT_CARRIED", number, tally: tallyOf(view) },
        timelocked: { code: "TIMELOCKED", number, fromUnixS },
        "carried-out": { code: "ENACTED", number },
        lapsed: { code: "DECISION_LAPSED", number, untilUnixS: enactsUntilUnixS },
        due: pausedUntilUnixS > now ? { code: "GOVERNANCE_PAUSED", untilUnixS: pausedUntilUnixS } : null,
      };
      const fault = faults[stateOf(view, now)];
      if (fault !== null) throw new VoteError(fault);
      const to = new contracts.Proposal(number, governor).address;
      await ask({
        what: "the order",
        // The answer, whichever way it comes, carries the number.
        messages: [{ to, valueNanogram: PROPOSE_NANOGRAM, body: contracts.encodeConclude(BigInt(number)) }],
        look: async (answers) =>
          answers.some(({ inMessage }) => inMessage?.from?.equals(view.call.target)) || undefined,
      });
      return readProposal(governed, number);
    },
    async pause(target, seconds) {
      const guardian = governance.guardian;
      const now = await nowUnixS();
      if (governance.pausedUntilUnixS > now && target.equals(governor))
        throw new VoteError({ code: "GOVERNANCE_PAUSED", untilUnixS: governance.pausedUntilUnixS });
      if (!guardian.equals(own))
        throw new VoteError({ code: "NOT_THE_GUARDIAN", guardian: guardian.toRawString(), address });
      const before = await pausedUntil(target);
      return ask({
        what: "the pause",
        messages: [{ to: target, valueNanogram: ASK_NANOGRAM, body: contracts.encodePause(seconds) }],
        async look() {
          const untilUnixS = await pausedUntil(target);
          return untilUnixS > before ? untilUnixS : undefined;
        },
      });
    },
  };
}
