/** How long it takes to build the train step of a deep model, and whether twice the depth takes twice as long. */
import { buildTrainProgram } from "@pingo/autograd";
import { type Row, row } from "../report.ts";
import { programOptions } from "./workload.ts";
import { GPT_WORKLOAD, gptModel } from "./workloads.ts";

const NODES = 1000;
const TIMES = 4;
const REPEATS = 3;

export function buildRows(): readonly Row[] {
  const small = bestBuildMs(NODES);
  const large = bestBuildMs(TIMES * NODES);
  return [
    row(
      { case: `model of ${NODES} nodes`, metric: "building the train step", value: small, unit: "ms" },
      null,
      {
        relation: "≤",
        bound: 1000,
      },
    ),
    row(
      {
        case: `model of ${TIMES * NODES} nodes`,
        metric: `time against ${TIMES} times the smaller's`,
        value: large / (TIMES * small),
        unit: "",
      },
      null,
      { relation: "≤", bound: 1.25 },
    ),
  ];
}

function bestBuildMs(nodes: number): number {
  const perLayer = gptModel(2).nodes.length - gptModel(1).nodes.length;
  const model = gptModel(Math.ceil((nodes - gptModel(0).nodes.length) / perLayer));
  const times = Array.from({ length: REPEATS }, () => {
    const began = performance.now();
    buildTrainProgram(model, programOptions(GPT_WORKLOAD));
    return performance.now() - began;
  });
  return Math.min(...times);
}
