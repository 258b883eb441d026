/** The worker processes, as the warden acts on them. */
export interface Workforce {
  /** Those that are alive, always in the same order. */
  workers(): readonly OwnWorker[];
  /** Hands in what is done of each unit, ends every worker and starts none until it is recalled. */
  vacate(): void;
  recall(): void;
}

export interface OwnWorker {
  readonly pid: number;
  /** It has a unit. */
  readonly isBusy: boolean;
  /** It hands in what is done, for which it must run, and ends. */
  readonly isLeaving: boolean;
  /** Stands still in memory, or goes on; saying it twice changes nothing. */
  hold(isHeld: boolean): void;
}
