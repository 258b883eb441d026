/** How much is lent at most, a line each. */
import { formatBytes } from "@pingo/core";
import type { OwnerSize } from "@pingo/scheduler";

export function sizeLines({ millicores, memoryBytes, diskBytes }: OwnerSize): readonly string[] {
  return [
    `cores: ${millicores === null ? "as the agent was started" : `at most ${millicores / 1_000}`}`,
    `memory: ${memoryBytes === null ? "as the policy lends" : `at most ${formatBytes(memoryBytes)}`}`,
    `disk: ${diskBytes === null ? "as the agent was started" : `at most ${formatBytes(diskBytes)}`}`,
  ];
}
