/**
 * Ends what a killed agent leaves behind.
 *
 * The kernel ends a worker with its agent (PR_SET_PDEATHSIG), but a worker is started through several programs, and there are
 * moments at which one of them does not know that yet: of a wall whose first process ends before it let its second go on, that
 * one waits for ever. So a shell, a megabyte large, hears from each worker as it starts which process group it is, waits for
 * the end of a pipe that the agent alone holds, and ends them all.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";

/** Where a worker's first program finds the pipe. */
const GUARDIAN_FD = 6;

/** A number is a group that has begun, and one after a minus a group that is gone. */
const SCRIPT = `
trap '' INT TERM HUP
groups=' '
while read -r word; do
  case $word in
    -*) group=\${word#-}
      case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
    *) groups="$groups$word " ;;
  esac
done
for group in $groups; do kill -9 "-$group" 2>/dev/null; done`;

/** Whoever was started by an agent that died before the kernel was told to mind ends here. SOURCE: prctl(2), PR_SET_PDEATHSIG. */
const TELL = `echo $$ >&${GUARDIAN_FD} && [ "$PPID" = "$0" ] && exec "$@" ${GUARDIAN_FD}>&-`;

export interface Guardian {
  /** Put before a worker's words, after what binds its death to the agent's. */
  readonly words: readonly string[];
  /** What a worker is started with as its seventh descriptor. */
  pipe(): Socket;
  /** Its first process has ended: so does all that it started. */
  ended(group: number): void;
}

export function createGuardian({ PATH = "/usr/bin:/bin" }: Readonly<Record<string, string>>): Guardian {
  let child: ChildProcess | undefined;
  const start = (): Socket => {
    // It holds nothing of the agent's but the pipe, and outlives it by a moment.
    const settings = { env: { PATH }, detached: true, cwd: "/" } as const;
    const started = spawn("sh", ["-c", SCRIPT], { ...settings, stdio: ["pipe", "ignore", "ignore"] });
    child = started;
    const over = (): void => {
      if (child === started) child = undefined;
    };
    started.on("error", over).on("exit", over);
    started.unref();
    // SAFETY: a pipe of node's to a child is a socket.
    const stdin = started.stdin as unknown as Socket;
    stdin.on("error", over); // it was ended; the next worker has another
    stdin.unref();
    return stdin;
  };
  let pipe: Socket | undefined;
  return {
    words: ["sh", "-c", TELL, String(process.pid)],
    pipe() {
      if (child === undefined || pipe === undefined) pipe = start();
      return pipe;
    },
    ended(group) {
      endGroup(group);
      if (child !== undefined) pipe?.write(`-${group}\n`);
    },
  };
}

function endGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}
