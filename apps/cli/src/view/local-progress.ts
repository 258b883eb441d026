/** Training on this machine, on the screen: one line a round, and a live block beneath where a person watches. */
import type { LocalProgress } from "@pingo/sdk";
import { progressBar, sparkline } from "./bars.ts";
import { count, percent } from "./job-view.ts";
import type { Screen } from "./screen.ts";

export interface LocalScreen {
  show(event: LocalProgress): void;
  /** Takes the live block away. */
  end(): void;
}

type Metric = Extract<LocalProgress, { readonly type: "round" }>["metric"];

const BAR_COLUMNS = 28;
const SPARK_COLUMNS = 24;
/** Beside bar and sparkline. */
const TEXT_COLUMNS = 40;

export function createLocalScreen(screen: Screen, rounds: number): LocalScreen {
  const losses: number[] = [];
  return {
    show(event) {
      if (event.type === "steps") {
        losses.push(event.loss);
        screen.live(liveBlock(screen, event, { rounds, losses }));
        return;
      }
      const { metric, trainedMs } = event;
      const place = `${String(metric.round).padStart(String(rounds).length)}/${rounds}`;
      const pace = trainedMs > 0 ? `  ${count(metric.rows / (trainedMs / 1000))} samples/s` : "";
      screen.line(`round ${place}  loss ${metric.trainLoss.toFixed(4)}${pace}${heldOut(screen, metric)}`);
    },
    end: () => screen.live(""),
  };
}

function heldOut(screen: Screen, { testLoss, testAccuracy }: Metric): string {
  if (testLoss === null) return "";
  const accuracy = testAccuracy === null ? "" : `  accuracy ${screen.paint("green", percent(testAccuracy))}`;
  return `  held out: loss ${testLoss.toFixed(4)}${accuracy}`;
}

/** Fits the columns of the screen; a wrapped line could not be redrawn. */
function liveBlock(
  screen: Screen,
  event: Extract<LocalProgress, { readonly type: "steps" }>,
  { rounds, losses }: { readonly rounds: number; readonly losses: readonly number[] },
): string {
  const share = (event.round - 1 + event.step / event.steps) / rounds;
  const room = Math.max(8, screen.columns - TEXT_COLUMNS);
  const bar = screen.paint("cyan", progressBar(share, Math.min(BAR_COLUMNS, room)));
  const place = `${percent(share, 0)}  round ${event.round}/${rounds}  step ${event.step}/${event.steps}`;
  return `${bar} ${place}\nloss ${sparkline(losses, Math.min(SPARK_COLUMNS, room))} ${event.loss.toFixed(4)}`;
}
