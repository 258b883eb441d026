/**
 * Gas of every operation, exactly: a change of a contract that costs more or less shows here.
 *
 * Rows are named `contract: operation`. Prices are the network's; gas is ours.
 */
import { expect } from "vitest";
import type { Step } from "../src/testing/index.ts";
import { GAS } from "./gas-table.ts";

/** The step succeeded, at the cost that the table says. */
export function expectGas(row: string, step: Step | undefined): void {
  expect(step?.exitCode, row).toBe(0);
  expect.soft(step?.gas, `gas of ${row} is ${step?.gas}`).toBe(GAS[row]);
}
