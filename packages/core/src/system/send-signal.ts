/**
 * Whether there was somebody to hear it: a process may have just ended, which whoever waits for it hears.
 *
 * @param pid  a process, or after a minus all of a process group
 */
export function sendSignal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
