/** What others ask of an open round: which units wait, which leases are held, how far one has come. */
import {
  assertDefined,
  type JobEvent,
  type LeaseId,
  type LeaseProgress,
  type NodeId,
  type WorkUnit,
} from "@pingo/core";
import { waitingUnits } from "@pingo/training";
import type { Round } from "./round-opening.ts";

export interface WaitingUnit {
  readonly unit: WorkUnit;
  /** Providers that failed at it. */
  readonly excluded: readonly NodeId[];
}

export interface HeldLease {
  readonly lease: LeaseId;
  readonly provider: NodeId;
}

export function waitingOf(round: Round, connected: ReadonlySet<NodeId>): readonly WaitingUnit[] {
  return waitingUnits(round.state, connected).map(({ unit, excluded }) => ({
    unit: assertDefined(round.units[unit], `round ${round.number} has unit ${unit}`),
    excluded,
  }));
}

export function heldOf(round: Round | null | undefined): readonly HeldLease[] {
  return [...(round?.state.leases ?? [])].flatMap(([lease, { state, provider }]) =>
    state === "held" ? [{ lease, provider }] : [],
  );
}

/** null when the lease is none of this round's. */
export function progressOf(
  round: Round,
  provider: NodeId,
  { lease, step, loss }: LeaseProgress,
): JobEvent | null {
  const unit = round.units[round.state.leases.get(lease)?.unit ?? -1];
  if (!unit) return null;
  return { type: "progress", round: round.number, unit: unit.index, provider, step, steps: unit.steps, loss };
}
