/**
 * Looks after workers in the place of an agent that cannot: it ends what a killed one leaves behind, and stops the workers
 * of one that stands still, since nobody yields to the owner then.
 *
 * The kernel ends a worker with its agent (PR_SET_PDEATHSIG), but a worker is started through several programs, and there are
 * moments at which one of them does not know that yet: of a wall whose first process ends before it let its second go on, that
 * one waits for ever. So a shell, a few megabytes large, hears from each worker as it starts which process group it is, waits for
 * the end of a pipe that the agent alone holds, and ends them all.
 *
 * While a worker has something to do, the agent says so in that pipe over and over. Silence is counted by waits of the shell's
 * own, which are as long as the machine was awake for them; two in a row, so that neither a clock that is set in the middle of
 * one nor a machine that wakes is taken for an agent that stands still. Who stops does not let go: only the agent
 * knows which worker is to stand still for its owner, so it is told, and hears it as the first thing once it goes on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { sendSignal } from "@pingo/core/system";

/** Where a worker's first program finds the pipe. */
const GUARDIAN_FD = 6;

/** Of a core, the two take a tenth of a percent at this pace (adr/0009), and workers stand still 280 to 480 ms after their agent. */
const BEAT_MS = 200;
const SILENCE_SECONDS = 0.24;
const BEAT = "\n";
const REST = "rest\n";

/** An empty line is a beat, a number a group that has begun, and one after a minus a group that is gone. */
const SCRIPT = `
trap '' INT TERM HUP PIPE
groups=' ' rest= silences=0 awaits=
while :; do
  if [ "$awaits" ]; then read -r -t "$0" more; else read -r more; fi
  heard=$?
  word=$rest$more
  if [ "$heard" -gt 128 ]; then
    rest=$word silences=$((silences + 1))
    if [ "$silences" -eq 2 ]; then
      for group in $groups; do kill -STOP "-$group" 2>/dev/null; done
      awaits=
      echo stopped
    fi
    continue
  fi
  [ "$heard" -eq 0 ] || break
  rest= silences=0
  case $word in
    '') awaits=1 ;;
    rest) awaits= ;;
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
  /** A worker has something to do, until this is disposed: should this process stand still, so do they all. */
  watch(): Disposable;
}

export interface GuardianOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the shell can wait for a while only; without it silence is not heard. */
  readonly hasBash: boolean;
  /** This process stood still, and every worker was stopped. */
  readonly onStopped: () => void;
}

export function createGuardian({ environment, hasBash, onStopped }: GuardianOptions): Guardian {
  const { PATH = "/usr/bin:/bin" } = environment;
  let child: ChildProcess | undefined;
  let pipe: Socket | undefined;
  let watching = 0;
  let beats: NodeJS.Timeout | undefined;
  const start = (): Socket => {
    // It holds nothing of the agent's but the pipes, and outlives it by a moment.
    const settings = { env: { PATH }, detached: true, cwd: "/" } as const;
    const words = ["-c", SCRIPT, String(SILENCE_SECONDS)];
    const started = spawn(hasBash ? "bash" : "sh", words, { ...settings, stdio: ["pipe", "pipe", "ignore"] });
    child = started;
    const over = (): void => {
      if (child === started) child = undefined;
    };
    started.on("error", over).on("exit", over);
    started.unref();
    started.stdout.on("data", stopped).on("error", over);
    // SAFETY: pipes of node's to a child are sockets.
    const [stdin, stdout] = [started.stdin, started.stdout] as unknown as [Socket, Socket];
    stdin.on("error", over); // it was ended; the next worker has another
    stdin.unref();
    stdout.unref();
    return stdin;
  };
  const say = (word: string): void => {
    if (child !== undefined) pipe?.write(word);
  };
  const beat = (): void => {
    if (pipe?.writableLength === 0) say(BEAT); // one that reads no more is not filled up with them
  };
  // Before a worker is let go on: no moment of it is unwatched.
  const stopped = (): void => {
    if (watching > 0) beat();
    onStopped();
  };
  return {
    words: ["sh", "-c", TELL, String(process.pid)],
    pipe() {
      if (child === undefined || pipe === undefined) pipe = start();
      if (watching > 0 && hasBash) beat();
      return pipe;
    },
    ended(group) {
      sendSignal(-group, "SIGKILL");
      say(`-${group}\n`);
    },
    watch() {
      watching += 1;
      if (watching === 1 && hasBash) {
        beat();
        beats = setInterval(beat, BEAT_MS).unref();
        process.prependListener("SIGCONT", beat); // likewise
      }
      return {
        [Symbol.dispose]() {
          watching -= 1;
          if (watching > 0) return;
          clearInterval(beats);
          process.off("SIGCONT", beat);
          say(REST);
        },
      };
    },
  };
}
