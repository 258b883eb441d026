/** What a suite measures, and how it is shown: a table for people, one JSON line for programs. */
import { arch, cpus, platform, totalmem } from "node:os";
import { formatBytes } from "@pingo/core";

/** One measured figure beside its peer's. Targets are on `ratio` where there is a peer, else on `value`. */
export interface Row {
  readonly case: string;
  readonly metric: string;
  /** null where it could not be measured here; the metric says why. */
  readonly value: number | null;
  readonly unit: string;
  /** null where there is none. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  readonly ratio: number | null;
  /** As written, such as "≥ 0.85" or "≤ 250". */
  readonly target: string | null;
  /** null without a target, or where the peer is not installed. */
  readonly met: boolean | null;
}

export interface Report {
  readonly suite: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

export interface Suite {
  readonly name: string;
  readonly about: string;
  /** The names of those that can be asked for alone; none where it is measured only as a whole. */
  readonly cases: readonly string[];
  run(say: (line: string) => void, options: SuiteOptions): Promise<readonly Row[]>;
  readonly profile?: Profile;
}

export interface SuiteOptions {
  /** Only these, of the suite's own; empty: all. */
  readonly cases: readonly string[];
}

/** Suites that can tell where the time goes, as text. */
export type Profile = (options: SuiteOptions) => Promise<string>;

export interface Target {
  readonly relation: "≥" | "≤";
  readonly bound: number;
}

/** Why these cases cannot be asked for; undefined where they can. */
export function refusalOf(suite: Suite, asked: readonly string[]): string | undefined {
  const unknown = asked.find((name) => !suite.cases.includes(name));
  if (unknown === undefined) return undefined;
  return suite.cases.length === 0
    ? `the suite ${suite.name} has no cases to choose from, so no "${unknown}"; run it without one`
    : `the suite ${suite.name} has no case "${unknown}"; there are ${suite.cases.join(", ")}`;
}

/** @param of what the target speaks about: the ratio to the peer, or the value itself */
export function row(
  measured: { case: string; metric: string; value: number; unit: string },
  peer: { name: string; value: number | null } | null,
  target: Target | null,
): Row {
  const peerValue = peer?.value ?? null;
  const ratio = peerValue === null || peerValue === 0 ? null : measured.value / peerValue;
  const judged = peer ? ratio : measured.value;
  return {
    ...measured,
    peer: peer?.name ?? null,
    peerValue,
    ratio,
    target: target ? `${target.relation} ${target.bound}` : null,
    met: target && judged !== null ? meets(judged, target) : null,
  };
}

/** What this machine lacks the program for. */
export function skipped(name: string, metric: string, why: string): Row {
  const nothing = {
    value: null,
    unit: "",
    peer: null,
    peerValue: null,
    ratio: null,
    target: null,
    met: null,
  };
  return { case: name, metric: `${metric}: skipped, ${why}`, ...nothing };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function machineName(): string {
  const [first] = cpus();
  return `${first?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${formatBytes(totalmem())}, ${platform()} ${arch()}, Node ${process.versions.node}`;
}

export function tableOf(report: Report): string {
  const header = ["case", "metric", "value", "peer", "peer's value", "ratio", "target", "met"];
  const body = report.rows.map((r) => [
    r.case,
    r.metric,
    r.value === null ? "–" : `${figure(r.value)} ${r.unit}`,
    r.peer ?? "–",
    r.peerValue === null ? "–" : `${figure(r.peerValue)} ${r.unit}`,
    r.ratio === null ? "–" : r.ratio.toFixed(2),
    r.target ?? "–",
    r.met === null ? "–" : r.met ? "yes" : "no",
  ]);
  const widths = header.map((title, i) =>
    Math.max(title.length, ...body.map((cells) => cells[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [
    line(header),
    `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`,
    ...body.map(line),
  ].join("\n");
}

function meets(value: number, target: Target): boolean {
  return target.relation === "≥" ? value >= target.bound : value <= target.bound;
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
