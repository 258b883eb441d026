/**
 * When this computer lends, by hour of the week: counts that fade over the weeks, so that a new job or a new term is
 * learned within a month and forgotten within a few.
 *
 * Hours are those of the owner's wall clock, as habits are. While the agent is not running the computer does not lend, so
 * that time counts against it.
 */
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { HOURS_PER_WEEK } from "@pingo/core";

const MINUTE_MS = 60_000;
const HOUR_MIN = 60;
const WEEK_MIN = HOURS_PER_WEEK * HOUR_MIN;
/** After this many weeks a minute counts half. */
const HALF_LIFE_WEEKS = 4;
/** Longer away says nothing of habits: a journey, a repair, a clock that was wrong. */
const AWAY_MIN_MAX = 2 * WEEK_MIN;
/** Less is no history: a day must have been seen. */
const SEEN_MIN_MIN = 24 * HOUR_MIN;
/** How much of the mean of all hours counts beside what was seen of one. */
const PRIOR_MIN = HOUR_MIN;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS hours (
    hour INTEGER PRIMARY KEY, lent REAL NOT NULL, seen REAL NOT NULL, week INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS looked (id INTEGER PRIMARY KEY CHECK (id = 0), minute INTEGER NOT NULL) STRICT;
`;

interface Hour {
  readonly lent: number;
  readonly seen: number;
}

export interface LendingHistoryOptions {
  readonly folder: string;
  /** What is added to UTC at this moment for the owner's wall clock. */
  readonly offsetMin: (unixMs: number) => number;
}

export class LendingHistory implements Disposable {
  readonly #database: DatabaseSync;
  readonly #offsetMin: (unixMs: number) => number;
  readonly #add: StatementSync;
  readonly #mark: StatementSync;
  /** Local minute up to which everything is counted; undefined before the first look ever. */
  #countedMinute: number | undefined;
  /** Of the minute that is not over. */
  #looks = 0;
  #lendingLooks = 0;
  /** Undefined once a minute was counted. */
  #local: readonly number[] | undefined;

  constructor({ folder, offsetMin }: LendingHistoryOptions) {
    this.#offsetMin = offsetMin;
    this.#database = new DatabaseSync(join(folder, "history.sqlite"));
    this.#database.exec(SCHEMA);
    const fade = "pow(0.5, CAST(max(0, excluded.week - week) AS REAL) / CAST(:halfLife AS REAL))";
    this.#add = this.#database.prepare(
      `INSERT INTO hours (hour, lent, seen, week) VALUES (:hour, :lent, :seen, :week)
       ON CONFLICT (hour) DO UPDATE SET
         lent = lent * ${fade} + excluded.lent,
         seen = seen * ${fade} + excluded.seen,
         week = max(week, excluded.week)`,
    );
    this.#mark = this.#database.prepare(
      "INSERT INTO looked (id, minute) VALUES (0, ?) ON CONFLICT (id) DO UPDATE SET minute = excluded.minute",
    );
    const looked = this.#database.prepare("SELECT minute FROM looked").get()?.["minute"];
    this.#countedMinute = looked === undefined ? undefined : Number(looked);
  }

  /** As often as one likes; writes once a minute. */
  look(unixMs: number, isLending: boolean): void {
    const minute = this.#localMinute(unixMs);
    this.#countedMinute ??= minute;
    // A clock that went back, or a daylight-saving hour that comes twice: counted on from here.
    if (minute < this.#countedMinute) this.#countedMinute = minute;
    const over = minute - this.#countedMinute;
    if (over > 0) {
      // The first of them was watched, unless this is the first look since a start; after it nobody was here.
      const share = this.#looks === 0 ? 0 : this.#lendingLooks / this.#looks;
      if (over <= AWAY_MIN_MAX) {
        this.#count(this.#countedMinute, 1, share);
        this.#count(this.#countedMinute + 1, over - 1, 0);
      }
      this.#countedMinute = minute;
      this.#mark.run(minute);
      this.#local = undefined;
      this.#looks = 0;
      this.#lendingLooks = 0;
    }
    this.#looks += 1;
    if (isLending) this.#lendingLooks += 1;
  }

  /** Percent for each hour of the week by the owner's clock; empty while not enough is known. */
  get local(): readonly number[] {
    this.#local ??= this.#readLocal();
    return this.#local;
  }

  #readLocal(): readonly number[] {
    const hours: Hour[] = Array.from({ length: HOURS_PER_WEEK }, () => ({ lent: 0, seen: 0 }));
    for (const row of this.#database.prepare("SELECT hour, lent, seen FROM hours").all()) {
      hours[Number(row["hour"])] = { lent: Number(row["lent"]), seen: Number(row["seen"]) };
    }
    const lent = hours.reduce((sum, hour) => sum + hour.lent, 0);
    const seen = hours.reduce((sum, hour) => sum + hour.seen, 0);
    if (seen < SEEN_MIN_MIN) return [];
    const mean = lent / seen;
    return hours.map((hour) => Math.round((100 * (hour.lent + PRIOR_MIN * mean)) / (hour.seen + PRIOR_MIN)));
  }

  /** The same by UTC, as an offer says it; offsets of half an hour are rounded. */
  utc(unixMs: number): readonly number[] {
    const { local } = this;
    const shift = Math.round(this.#offsetMin(unixMs) / HOUR_MIN);
    return local.map((_, hour) => local[(hour + shift + HOURS_PER_WEEK) % HOURS_PER_WEEK] ?? 0);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #localMinute(unixMs: number): number {
    return Math.floor(unixMs / MINUTE_MS) + this.#offsetMin(unixMs);
  }

  #count(fromMinute: number, minutes: number, lendingShare: number): void {
    this.#database.exec("BEGIN");
    for (let at = fromMinute, left = minutes; left > 0; ) {
      const part = Math.min(left, HOUR_MIN - (((at % HOUR_MIN) + HOUR_MIN) % HOUR_MIN));
      // Minute 0 was a Thursday's.
      const sinceMonday = at + 3 * 24 * HOUR_MIN;
      const week = Math.floor(sinceMonday / WEEK_MIN);
      const hour = Math.floor((sinceMonday - week * WEEK_MIN) / HOUR_MIN);
      this.#add.run({ hour, lent: lendingShare * part, seen: part, week, halfLife: HALF_LIFE_WEEKS });
      at += part;
      left -= part;
    }
    this.#database.exec("COMMIT");
  }
}
