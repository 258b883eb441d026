/** What each loss asks of its targets, checked row by row before anyone trains on them. */
import type { Tensor } from "@pingo/autograd";
import type { Loss, LossSettings, Objective } from "@pingo/core";
import { TrainingError } from "./training-error.ts";

/** Where the rows of a tensor stand. */
export interface Place {
  readonly dataset: string;
  readonly field: string;
  /** Of the shard, counted over the dataset. */
  readonly firstRow: number;
  readonly rowLength: number;
}

interface Wanted {
  /** Of the model; null when only a run would tell. */
  readonly classes: number | null;
  readonly settings: LossSettings;
}

type IsGood = (target: number, wanted: Wanted) => boolean;

interface Row {
  readonly isGood: IsGood;
  readonly fault: "label" | "share";
}

const CLASS: Row = {
  isGood: (label, { classes, settings }) =>
    label === settings.ignoreIndex || (label >= 0 && label < (classes ?? Number.POSITIVE_INFINITY)),
  fault: "label",
};
const SHARE: Row = { isGood: (target) => target >= 0 && target <= 1, fault: "share" };

/** Null: any finite number. */
const TARGETS: { readonly [L in Loss]: Row | null } = {
  "softmax-cross-entropy": CLASS,
  "binary-cross-entropy": SHARE,
  "mean-squared-error": null,
  "mean-absolute-error": null,
  huber: null,
  "kl-divergence": SHARE,
  "model-output": null,
};

/** @throws {TrainingError} LABEL_OUT_OF_RANGE, TARGET_OUT_OF_RANGE, naming the row */
export function checkTargets(
  { dataset, field, firstRow, rowLength }: Place,
  { data }: Tensor,
  objective: Objective,
  classes: number | null,
): void {
  const row = TARGETS[objective.loss];
  if (row === null) return;
  const wanted = { classes, settings: objective };
  for (let i = 0; i < data.length; i++) {
    const target = Number(data[i] ?? 0);
    if (row.isGood(target, wanted)) continue;
    const place = { dataset, field, row: firstRow + Math.floor(i / rowLength) };
    throw new TrainingError(
      row.fault === "label"
        ? { code: "LABEL_OUT_OF_RANGE", ...place, label: String(target), classes: classes ?? 0 }
        : { code: "TARGET_OUT_OF_RANGE", ...place, found: String(target), loss: objective.loss },
    );
  }
}
