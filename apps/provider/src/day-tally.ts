/** What was done since midnight, by the owner's clock: kept on disk, so that a restart forgets at most a minute. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Log } from "@pingo/core";
import { type DayStatus, zDayStatus } from "@pingo/scheduler/status";

export const TALLY_FILE = "today.json";
const SAVE_EVERY_MS = 60_000;
/** Between two looks; more was a computer that slept. */
const GAP_MS_MAX = 5_000;

export interface DayTallyOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class DayTally {
  readonly #options: DayTallyOptions;
  #day: DayStatus;
  #savedAtMs: number;
  #lookedAtMs: number | undefined;

  static async open(options: DayTallyOptions): Promise<DayTally> {
    const today = dateOf(options.clock.nowUnixMs());
    const kept = await readTally(join(options.folder, TALLY_FILE));
    return new DayTally(options, kept?.date === today ? kept : emptyDay(today));
  }

  private constructor(options: DayTallyOptions, day: DayStatus) {
    this.#options = options;
    this.#day = day;
    this.#savedAtMs = options.clock.monotonicMs();
  }

  /** A unit was finished. */
  add(done: { readonly steps: number; readonly rows: number; readonly cpuMs: number }): void {
    const { units, steps, rows, cpuMs } = this.today();
    this.#day = {
      ...this.#day,
      units: units + 1,
      steps: steps + done.steps,
      rows: rows + done.rows,
      cpuMs: cpuMs + done.cpuMs,
    };
  }

  /** The owner's own work, as it is at this moment. */
  look(foreignMillicores: number | null): void {
    const now = this.#options.clock.monotonicMs();
    const sinceMs = now - (this.#lookedAtMs ?? now);
    this.#lookedAtMs = now;
    if (foreignMillicores === null || sinceMs > GAP_MS_MAX) return;
    this.#day = { ...this.today(), ownerCpuMs: this.#day.ownerCpuMs + (sinceMs * foreignMillicores) / 1_000 };
  }

  today(): DayStatus {
    const date = dateOf(this.#options.clock.nowUnixMs());
    if (this.#day.date !== date) this.#day = emptyDay(date);
    return this.#day;
  }

  /** Once a minute; and `now` at the end. */
  async save(when: "due" | "now"): Promise<void> {
    const { folder, clock, log } = this.#options;
    if (when === "due" && clock.monotonicMs() - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#savedAtMs = clock.monotonicMs();
    const path = join(folder, TALLY_FILE);
    try {
      await writeFile(`${path}.new`, JSON.stringify(this.today()));
      await rename(`${path}.new`, path);
    } catch (error) {
      log.warn("tally_unwritten", { error: String(error) }); // a full disk must not end the work
    }
  }
}

function emptyDay(date: string): DayStatus {
  return { date, units: 0, steps: 0, rows: 0, cpuMs: 0, ownerCpuMs: 0 };
}

function dateOf(unixMs: number): string {
  const date = new Date(unixMs);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Undefined where there is none, or what is there is no tally: it is only a count, and begins anew. */
async function readTally(path: string): Promise<DayStatus | undefined> {
  try {
    return zDayStatus.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}
