/** The real command in a real terminal (a pseudo-terminal of util-linux's `script`), and what a person sees in it. */
import { spawn, spawnSync } from "node:child_process";
import { MAIN } from "./pingo.ts";

const COLUMNS = 80;
export const hasTerminal = spawnSync("script", ["--version"]).error === undefined;

/** All that a command says is there to be looked at. */
const ROWS = 200;
const CTRL_C = "\u0003";
const CTRL_Z = "\u001a";
export const STOOD_STILL = "the shell has the terminal";
const ESCAPE = String.fromCharCode(27);

export interface Terminal extends AsyncDisposable {
  /** Lines on the screen now, without colors. */
  lines(): readonly string[];
  /** Every screen that was there when something on it was about to be redrawn. */
  readonly screens: readonly (readonly string[])[];
  /** Rows that were too wide, so that the terminal itself went on in the next. */
  readonly wrapped: readonly string[];
  /** Resolves once a line of the screen has this text; rejects when the command ends without it. */
  saw(text: string): Promise<void>;
  pressCtrlC(): void;
  pressCtrlZ(): void;
  type(text: string): void;
  readonly ended: Promise<number | null>;
}

interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  /** In a shell that says STOOD_STILL once Ctrl-Z has stopped the command, and lets it go on at Enter. */
  readonly hasJobs?: boolean;
}

export function openTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { columns = COLUMNS, rows = ROWS, hasJobs = false }: TerminalOptions = {},
): Terminal {
  const quoted = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  // With its jobs under control, a shell puts the command in a group of its own, which Ctrl-Z stops.
  const run = hasJobs ? `set -m; ${quoted}; echo "${STOOD_STILL}"; read -r enter; fg` : `exec ${quoted}`;
  const command = `stty cols ${columns} rows ${rows}; ${run}`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const picture = createPicture(columns);
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    picture.write(text);
    for (const watch of watchers) watch();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    lines: picture.lines,
    screens: picture.screens,
    wrapped: picture.wrapped,
    ended,
    pressCtrlC: () => void child.stdin.write(CTRL_C),
    pressCtrlZ: () => void child.stdin.write(CTRL_Z),
    type: (text) => void child.stdin.write(text),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL"); // the terminal is gone: what runs in it is told, as by a closed window
      await ended;
    },
    saw: (text) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!picture.lines().some((line) => line.includes(text))) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
        void ended.then(() =>
          reject(new Error(`it ended before it showed ${text}:\n${picture.lines().join("\n")}`)),
        );
      }),
  };
}

/** As much of a terminal as the command may use: lines that wrap, cursor up, erase below, colors. */
function createPicture(columns: number): {
  readonly wrapped: readonly string[];
  readonly screens: readonly (readonly string[])[];
  write(text: string): void;
  lines(): readonly string[];
} {
  const screens: (readonly string[])[] = [];
  const wrapped: string[] = [];
  const cells: string[][] = [[]];
  let row = 0;
  let column = 0;
  let rest = "";
  const lines = (): readonly string[] => cells.map((line) => line.join("").trimEnd());
  const newLine = (): void => {
    row += 1;
    cells[row] ??= [];
  };
  const put = (character: string): void => {
    if (column === columns) {
      wrapped.push(cells[row]?.join("") ?? "");
      column = 0;
      newLine();
    }
    const line = cells[row] ?? [];
    while (line.length < column) line.push(" ");
    line[column] = character;
    column += 1;
  };
  const control = (parameter: string, letter: string): void => {
    if (letter === "m") return;
    if (letter === "A") {
      screens.push(lines());
      row = Math.max(0, row - Number(parameter || 1));
    } else if (letter === "G") {
      column = Number(parameter || 1) - 1; // as readline places its prompt
    } else if (letter === "J" && (parameter === "" || parameter === "0")) {
      cells.length = row + 1;
      cells[row]?.splice(column);
    } else throw new Error(`a control sequence that this terminal does not know: ${parameter}${letter}`);
  };
  return {
    screens,
    wrapped,
    lines,
    write(text) {
      rest += text;
      while (rest !== "") {
        if (rest.startsWith(ESCAPE)) {
          const found = /^.\[([\d;]*)([A-Za-z])/s.exec(rest);
          if (!found) return; // its end is still to come
          control(found[1] ?? "", found[2] ?? "");
          rest = rest.slice(found[0].length);
          continue;
        }
        const [character = ""] = rest;
        rest = rest.slice(character.length);
        if (character === "\r") column = 0;
        else if (character === "\n") newLine();
        else put(character);
      }
    },
  };
}
