/** Writes what the worker says into the page, and only what changed: a screen reader hears of each once. */
import { assert, formatDuration, formatPingo, shortId } from "@pingo/core";
import type { TabState, TabStatus, TabUnit } from "../protocol.ts";
import type { PageDocument, PageElement } from "./dom.ts";

const STATES: {
  readonly [S in TabState]: { readonly title: string; readonly tone: "good" | "wait" | "bad" };
} = {
  starting: { title: "Starting…", tone: "wait" },
  connecting: { title: "Looking for the fog node…", tone: "wait" },
  online: { title: "Connected", tone: "good" },
  elsewhere: { title: "Another tab lends already", tone: "wait" },
  failed: { title: "This tab cannot lend", tone: "bad" },
};

export function byId(document: PageDocument, id: string): PageElement {
  const element = document.getElementById(id);
  assert(element !== null, `the page has an element ${id}`);
  return element;
}

export function show(document: PageDocument, status: TabStatus): void {
  const { state, decision, units, done, problem, provider, earnedNano } = status;
  const { title, tone } = STATES[state];
  const isStopped = state === "online" && !decision.lends;
  write(document, "state", isStopped ? "Not lending" : title);
  byId(document, "dot").dataset["tone"] = isStopped ? "wait" : tone;
  const isLent = state !== "elsewhere" && state !== "failed";
  write(
    document,
    "sentence",
    isLent ? decision.sentence : "One is enough; when that one is closed, this one goes on.",
  );
  if (state === "failed") write(document, "sentence", "Reload the page to try again.");
  write(document, "problem", problem ?? "");
  byId(document, "problem").hidden = problem === null;
  if (provider !== null) write(document, "provider", provider);
  byId(document, "idle").hidden = units.length > 0;
  showUnits(document, units);
  write(document, "done-units", count(done.units));
  write(document, "done-steps", count(done.steps));
  write(document, "done-rows", count(done.rows));
  write(document, "done-time", formatDuration(done.ms));
  if (earnedNano !== null) write(document, "earned", formatPingo(BigInt(earnedNano)));
  write(document, "acknowledged", count(done.acknowledged));
}

function showUnits(document: PageDocument, units: readonly TabUnit[]): void {
  const rows = units.map((unit) => {
    const [row, label, text, bar] = ["li", "label", "span", "progress"].map((tag) =>
      document.createElement(tag),
    );
    assert(row && label && text && bar, "one element for each tag");
    text.textContent = sentenceOf(unit);
    bar.max = unit.steps;
    bar.value = String(unit.step);
    label.append(text, bar);
    row.append(label);
    return row;
  });
  byId(document, "units").replaceChildren(...rows);
}

function sentenceOf({ job, round, step, steps, loss }: TabUnit): string {
  const where = `round ${round} of job ${shortId(job)}`;
  if (step === 0) return `${where}: fetching`;
  return `${where}: step ${step} of ${steps}${loss === null ? "" : `, loss ${loss.toFixed(3)}`}`;
}

function write(document: PageDocument, id: string, text: string): void {
  const element = byId(document, id);
  if (element.textContent !== text) element.textContent = text;
}

function count(number: number): string {
  return number.toLocaleString("en");
}
