/** Runs tasks one after another: all changes to one job go through its mailbox, so none sees another half done. */
export interface Mailbox {
  /** Resolves or rejects as the task does; a task that failed does not stop those behind it. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves once nothing waits. */
  idle(): Promise<void>;
}

export function createMailbox(): Mailbox {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const done = last.then(task);
      // Whoever posted the task hears of its failure; those behind only wait for its end.
      last = done.catch(() => undefined);
      return done;
    },
    async idle() {
      for (let seen: unknown; seen !== last; await last) seen = last;
    },
  };
}
