/** This home's wallet in governance: it proposes, votes by certificate and by locked PINGO, carries out, holds up. */
import type { Lock, LockView, ProposalView } from "@pingo/contracts";
import { equalBytes } from "@pingo/core";
import type { WalletMessage, WalletSender } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";
import type { Context } from "../context.ts";
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
  pause(target: Address, seconds: number): Promise<void>;
}

const NANOGRAM = 1_000_000_000n;
/** For a vote, a lock with its first rent, a pause: most of it comes back. */
const ASK_NANOGRAM = NANOGRAM / 10n;
/** A proposal with its rent, or an order to its target and all the way back. */
const PROPOSE_NANOGRAM = NANOGRAM / 4n;
const LOCK_RENT_NANOGRAM = NANOGRAM / 50n;
const NOTICE_NANOGRAM = NANOGRAM / 500n;
const FEES_NANOGRAM = NANOGRAM / 50n;
const LOOK_EVERY_MS = 400;
const LOOKS_MAX = 150;
const TRANSACTIONS_MAX = 20;
const BOUNCED = 0xffffffff;

/** @throws {CliError} NO_WALLET, NO_ADDRESS_BOOK; {VoteError}; {ToncenterError} */
export async function openOwnVote(context: Context): Promise<OwnVote> {
  const { signal } = context;
  const { clock } = context.ports;
  const governed = await openGoverned(context);
  const { network, key } = await openHomePayer(context);
  const contracts = await import("@pingo/contracts");
  const { createWalletSender, ToncenterError } = await import("@pingo/ton");
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

  const send = async (messages: readonly WalletMessage[]): Promise<void> => {
    const neededNanogram = messages.reduce((sum, { valueNanogram }) => sum + valueNanogram, FEES_NANOGRAM);
    const { balanceNanogram } = await chain.account(own, signal);
    if (balanceNanogram < neededNanogram)
      throw new VoteError({ code: "VOTE_GRAM_MISSING", address, neededNanogram });
    await sender.send(messages);
  };
  /** Until it is there, or the chain says why not. */
  const seen = async <T>(what: string, afterLt: bigint, look: () => Promise<T | null>): Promise<T> => {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const found = await look();
      if (found !== null) return found;
      await assertNotRefused(what, afterLt);
      await clock.sleep(LOOK_EVERY_MS, { signal });
    }
    const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
    throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what, seconds });
  };
  const answersAfter = (afterLt: bigint) =>
    chain.transactions(own, { limit: TRANSACTIONS_MAX, afterLt }, signal);
  const assertNotRefused = async (what: string, afterLt: bigint): Promise<void> => {
    for (const { inMessage } of await answersAfter(afterLt)) {
      if (!inMessage?.body) continue;
      const exitCode = contracts.exitCodeOfFailure(inMessage.body);
      if (exitCode === null && isBounced(inMessage.body))
        throw new ToncenterError({
          code: "CHAIN_REFUSED",
          method: what,
          why: "its contract returned the message",
        });
      if (exitCode === null) continue;
      const why = contracts.sentenceOfExitCode(exitCode);
      throw new VoteError({ code: "REFUSED_ON_CHAIN", what, exitCode, why });
    }
  };
  const lastLt = async (): Promise<bigint> => {
    const [last] = await chain.transactions(own, { limit: 1, afterLt: 0n }, signal);
    return last?.lt ?? 0n;
  };
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
    const afterLt = await lastLt();
    await send([
      ...(before === null ? [{ to: lock.address, valueNanogram: LOCK_RENT_NANOGRAM, init: lock.init }] : []),
      { to: purse.address, valueNanogram: ASK_NANOGRAM, body },
    ]);
    await seen("the PINGO in the lock", afterLt, async () =>
      ((await chain.open(lock).getView())?.amountNano ?? 0n) >= wantedNano ? true : null,
    );
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
      const afterLt = await lastLt();
      const body = contracts.encodePropose(governor, { target, order, about: digest });
      await send([{ to: certificate.address, valueNanogram: PROPOSE_NANOGRAM, body }]);
      let next = governance.proposals;
      return seen("the proposal", afterLt, async () => {
        // Another's may come first: ours is the one that asks for this.
        for (;;) {
          const view = await chain.open(new contracts.Proposal(next, governor)).getView();
          if (view === null) return null;
          if (view.call.order.equals(order) && equalBytes(view.call.about, digest)) return view;
          next += 1;
        }
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
      const afterLt = await lastLt();
      const user = contracts.encodeLockedVote(proposal, enactsFromUnixS, isFor);
      const builder = contracts.encodeBuilderVote(proposal, isFor);
      await send([
        ...(asUser ? [{ to: lock.address, valueNanogram: ASK_NANOGRAM, body: user }] : []),
        ...(asBuilder ? [{ to: certificate.address, valueNanogram: ASK_NANOGRAM, body: builder }] : []),
      ]);
      for (const chamber of [
        ...(asUser ? ["users" as const] : []),
        ...(asBuilder ? ["builders" as const] : []),
      ])
        await seen("the vote", afterLt, async () => ((await isCast(proposal, chamber)) ? true : null));
      return { asBuilder, lockedNano: asUser ? lockedNano : 0n, untilUnixS: enactsFromUnixS };
    },
    async unlock() {
      const view = await chain.open(lock).getView();
      if (view === null || view.amountNano === 0n) throw new VoteError({ code: "NOTHING_LOCKED" });
      const { amountNano, untilUnixS } = view;
      if ((await nowUnixS()) < untilUnixS)
        throw new VoteError({ code: "STILL_LOCKED", amountNano, untilUnixS });
      const wantedNano = (await chain.open(purse).getBalanceNano()) + amountNano;
      const afterLt = await lastLt();
      await send([{ to: lock.address, valueNanogram: ASK_NANOGRAM, body: contracts.encodeUnlock() }]);
      await seen("the PINGO from the lock", afterLt, async () =>
        (await chain.open(purse).getBalanceNano()) >= wantedNano ? true : null,
      );
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
      const afterLt = await lastLt();
      const to = new contracts.Proposal(number, governor).address;
      // The answer, whichever way it comes, carries the number.
      await send([{ to, valueNanogram: PROPOSE_NANOGRAM, body: contracts.encodeConclude(BigInt(number)) }]);
      await seen("the order", afterLt, async () => {
        const answers = await answersAfter(afterLt);
        return answers.some(({ inMessage }) => inMessage?.from?.equals(view.call.target)) ? true : null;
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
      const afterLt = await lastLt();
      await send([{ to: target, valueNanogram: ASK_NANOGRAM, body: contracts.encodePause(seconds) }]);
      await seen("the pause", afterLt, async () => {
        const answers = await answersAfter(afterLt);
        return answers.some(({ inMessage }) => inMessage?.from?.equals(target)) ? true : null;
      });
    },
  };
}

/** How the network marks what a contract refused. */
function isBounced(body: Cell): boolean {
  return body.bits.length >= 32 && body.beginParse().loadUint(32) === BOUNCED;
}
