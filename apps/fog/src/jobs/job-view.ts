/** A job as the control API shows it. */
import type { JobResult, JobView, NodeId } from "@pingo/core";
import type { JobRow } from "../database/schema.ts";

export function viewOf(row: JobRow, providers: readonly NodeId[], traffic = { up: 0, down: 0 }): JobView {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    owner: row.owner,
    state: row.state,
    reason: row.reason,
    round: row.round,
    rounds: row.rounds,
    steps: row.steps,
    rows: row.rows,
    loss: row.loss,
    evaluation:
      row.evaluatedRound === null || row.evaluatedLoss === null
        ? null
        : { round: row.evaluatedRound, loss: row.evaluatedLoss, accuracy: row.evaluatedAccuracy },
    providers,
    bytesUp: row.bytesUp + traffic.up,
    bytesDown: row.bytesDown + traffic.down,
    trainingMs: row.trainingMs,
    createdAtUnixMs: row.createdUnixMs,
    finishedAtUnixMs: row.finishedUnixMs,
    result: resultOf(row),
  };
}

function resultOf(row: JobRow): JobResult | null {
  const { resultModel: model, resultMetrics: metrics, resultProvenance: provenance } = row;
  if (row.resultPieces && provenance) return { pieces: row.resultPieces, provenance };
  if (!model || !metrics || !provenance) return null;
  const { resultAdapters: adapters, resultRawModel: rawModel } = row;
  return { model, metrics, provenance, ...(adapters && { adapters }), ...(rawModel && { rawModel }) };
}
