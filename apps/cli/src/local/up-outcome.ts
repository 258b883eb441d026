/** What `pingo up` came to, for programs. */
import type { JobView, MembershipView, RewardsView } from "@pingo/core";
import { type Payday, whoOf } from "../view/payday-view.ts";
import type { Standing } from "./earn-membership.ts";

/** A job that ran to its end, on a network of this machine. */
export interface Ran {
  readonly view: JobView;
  readonly name: string;
  /** Path of the trained .onnx. */
  readonly model: string;
  /** How this home came to be let in; undefined where the gate is open. */
  readonly standing: Standing | undefined;
  /** PINGO in this home's wallet before it paid for the job; 0 where nothing is paid on chain. */
  readonly heldNano: bigint;
}

/** The last line of --once --json. */
export interface UpOutcome {
  readonly job: string;
  /** On held-out data, as is the loss; null where the job has none. */
  readonly accuracy: number | null;
  readonly loss: number | null;
  readonly rounds: number;
  readonly providers: number;
  readonly steps: number;
  readonly samplesPerSecond: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** devnet: TON on this machine, and the gate closed to all but contributors. none: the gate open, payment in the books alone. */
  readonly chain: "devnet" | "none";
  /** null where the gate is open. */
  readonly certificate: Pick<MembershipView, "state" | "validUntilUnixS" | "address"> | null;
  /** Who got and, below zero, gave what: for the founder's job that earned the certificate, null where none was needed, and for this one. */
  readonly firstWork: readonly Payment[] | null;
  readonly payments: readonly Payment[];
  /** In this home's wallet on chain when all of it was paid out; null without a chain. */
  readonly walletNano: string | null;
  /** Of that wallet, beside its pay; null without a chain. */
  readonly rewards: RewardsView | null;
  /** Of the whole command. */
  readonly wallSeconds: number;
  /** Path of the trained .onnx. */
  readonly model: string;
}

interface Payment {
  /** "you", "provider-1", "fog node", "founder", or an id. */
  readonly who: string;
  readonly account: string;
  readonly nano: string;
}

export function outcomeOf(
  { view, model }: Ran,
  { keys, payments, firstWork, membership, walletNano, rewards }: Payday,
  sinceStartMs: number,
): UpOutcome {
  const told = (list: Payday["payments"]): readonly Payment[] =>
    list.map(({ account, amountNano }) => ({ who: whoOf(account, keys), account, nano: amountNano }));
  return {
    job: view.id,
    accuracy: view.evaluation?.accuracy ?? null,
    loss: view.evaluation?.loss ?? null,
    rounds: view.round,
    providers: view.providers.length,
    steps: view.steps,
    samplesPerSecond: samplesPerSecondOf(view),
    bytesUp: view.bytesUp,
    bytesDown: view.bytesDown,
    chain: membership === null ? "none" : "devnet",
    certificate: membership && {
      state: membership.state,
      validUntilUnixS: membership.validUntilUnixS,
      address: membership.address,
    },
    firstWork: firstWork && told(firstWork),
    payments: told(payments),
    walletNano: walletNano?.toString() ?? null,
    rewards,
    wallSeconds: Math.round(sinceStartMs) / 1000,
    model,
  };
}

export function samplesPerSecondOf({ trainingMs, rows }: JobView): number {
  return trainingMs > 0 ? Math.round((rows * 1000) / trainingMs) : 0;
}
