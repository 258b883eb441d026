/** Turns a share of the time into turns of work and rest, as evenly as turns allow. */
export class Duty {
  #credit = 0;

  /** Whether the next turn works, at this share. */
  next(share: number): boolean {
    if (share >= 1) return true;
    this.#credit += Math.max(0, share);
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }
}
