/** A running job on the screen: one line a round, and a live block beneath where a person watches. */
import { describeLeftOut, formatBytes, type NumberedEvent, shortId } from "@pingo/core";
import { progressBar, sparkline } from "./bars.ts";
import { advance, type JobProgress, NO_PROGRESS, samplesPerSecond, shareDone } from "./job-progress.ts";
import type { Screen } from "./screen.ts";

const SPARK_COLUMNS = 16;
const BAR_COLUMNS = 28;

export interface JobScreen {
  show(event: NumberedEvent): void;
  readonly progress: JobProgress;
  /** Takes the live block away. */
  end(): void;
}

export function createJobScreen(screen: Screen): JobScreen {
  let progress = NO_PROGRESS;
  return {
    get progress() {
      return progress;
    },
    show(event) {
      const before = progress;
      progress = advance(progress, event);
      if (screen.isJson) {
        screen.json(event);
        return;
      }
      const line = lineOf(event, progress, screen);
      if (line !== null && progress.waiting !== before.waiting) screen.line(line);
      else if (line !== null && event.event.type !== "waiting") screen.line(line);
      screen.live(liveBlock(progress, screen));
    },
    end: () => screen.live(""),
  };
}

/** The lines that stay for an event; most have none. */
export function lineOf(
  { event }: NumberedEvent,
  progress: JobProgress,
  screen: Pick<Screen, "paint">,
): string | null {
  switch (event.type) {
    case "accepted":
      if (event.leftOut === undefined) return null;
      return event.leftOut.map((group) => `left out ${describeLeftOut(group)}`).join("\n");
    case "delivered":
      if (progress.pieces === null) return null;
      return `piece ${event.unit} is done, by ${shortId(event.provider)}`;
    case "committed": {
      if (progress.pieces !== null) return null;
      const speed = samplesPerSecond(progress);
      const pace = speed === null ? "" : `  ${count(speed)} samples/s`;
      return `round ${padded(event.round, event.rounds)}/${event.rounds}  loss ${event.loss.toFixed(4)}${pace}`;
    }
    case "evaluated": {
      const accuracy =
        event.accuracy === null ? "" : `  accuracy ${screen.paint("green", percent(event.accuracy))}`;
      return `round ${padded(event.round, progress.rounds)}/${progress.rounds}  held out: loss ${event.loss.toFixed(4)}${accuracy}`;
    }
    case "lost":
      return screen.paint(
        "yellow",
        `provider ${shortId(event.provider)} lost unit ${event.unit}${progress.pieces === null ? ` of round ${event.round}` : ""}: ${event.reason}; it goes to another`,
      );
    case "waiting":
      return screen.paint("yellow", `waiting: ${event.reason}`);
    case "finished":
      return memoryLine(progress);
    default:
      return null;
  }
}

function memoryLine({ peakBytes, plannedBytes }: JobProgress): string | null {
  if (peakBytes === null) return null;
  const plan = plannedBytes === null ? "" : `, ${formatBytes(plannedBytes)} of it planned for training`;
  return `memory ${formatBytes(peakBytes)} at most in a worker${plan}`;
}

/** Fits the columns of the screen; a wrapped line could not be redrawn. */
export function liveBlock(progress: JobProgress, screen: Pick<Screen, "paint" | "columns">): string {
  const share = shareDone(progress);
  const bar = screen.paint(
    "cyan",
    progressBar(share, Math.min(BAR_COLUMNS, Math.max(8, screen.columns - 40))),
  );
  if (progress.pieces !== null)
    return `${bar} ${percent(share, 0)}  ${progress.unitsDelivered.size} of ${piecesText(progress.pieces)}`;
  const first = `${bar} ${percent(share, 0)}  round ${progress.round}/${progress.rounds}`;
  const loss = progress.lossByRound.at(-1);
  const accuracies = progress.evaluationByRound.flatMap(({ accuracy }) =>
    accuracy === null ? [] : [accuracy],
  );
  const accuracy = accuracies.at(-1);
  const columns = Math.min(SPARK_COLUMNS, Math.max(4, Math.floor((screen.columns - 44) / 2)));
  const parts = [
    loss === undefined ? "" : `loss ${sparkline(progress.lossByRound, columns)} ${loss.toFixed(4)}`,
    accuracy === undefined ? "" : `accuracy ${sparkline(accuracies, columns)} ${percent(accuracy)}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? first : `${first}\n${parts.join("   ")}`;
}

export function percent(share: number, digits = 2): string {
  return `${(share * 100).toFixed(digits)} %`;
}

export function count(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

export function piecesText(pieces: number): string {
  return `${count(pieces)} ${pieces === 1 ? "piece" : "pieces"}`;
}

function padded(number: number, of: number): string {
  return String(number).padStart(String(of).length);
}
