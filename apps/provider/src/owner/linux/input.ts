/**
 * When somebody last touched this computer.
 *
 * Desktops: xprintidle on X11; the idle hint of logind on Wayland, which the compositor sets. Terminals: a tty is read when
 * a key is pressed. The latest touch counts.
 */
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";

/** Answers in properties, one a line. SOURCE: loginctl(1), org.freedesktop.login1(5) */
const HINT_PROPERTIES = ["IdleHint", "IdleSinceHint"] as const;
const NO_HINT =
  "nothing says when the desktop was last touched: install xprintidle (X11), or let the desktop set logind's idle hint (Wayland)";

export async function readInput(os: OsView, nowUnixMs: number): Promise<Reading<number>> {
  const [desktop, terminal] = await Promise.all([
    desktopIdleMs(os, nowUnixMs),
    terminalIdleMs(os, nowUnixMs),
  ]);
  if (desktop === null) return { missing: NO_HINT };
  return { value: Math.max(0, Math.min(desktop, terminal)) };
}

/** Infinity where no desktop runs; null where one does and nothing tells. */
async function desktopIdleMs(os: OsView, nowUnixMs: number): Promise<number | null> {
  const printed = await os.run("xprintidle", []);
  const idleMs = printed === null ? Number.NaN : Number.parseInt(printed, 10);
  if (Number.isFinite(idleMs)) return idleMs;
  let idle = Number.POSITIVE_INFINITY;
  for (const session of await hintsOf(os, await desktopSessions(os))) {
    if (session["IdleHint"] !== "yes") {
      // Touched just now, or a desktop that never sets the hint: only one that was seen to set it can be believed.
      if (Number(session["IdleSinceHint"] ?? 0) === 0) return null;
      idle = 0;
      continue;
    }
    idle = Math.min(idle, nowUnixMs - Number(session["IdleSinceHint"]) / 1_000);
  }
  return idle;
}

/** Ids of sessions with a desktop, from logind's own files: asking itself starts a process, for nothing where there is none. */
async function desktopSessions(os: OsView): Promise<readonly string[]> {
  const ids = (await os.names("run/systemd/sessions")).filter((name) => /^\w+$/.test(name));
  const texts = await Promise.all(ids.map((id) => os.text(`run/systemd/sessions/${id}`)));
  return ids.filter((_, i) => {
    const session = propertiesOf(texts[i] ?? "");
    const isDesktop = ["x11", "wayland", "mir"].includes(session["TYPE"] ?? "");
    return isDesktop && session["CLASS"] === "user" && session["STATE"] !== "closing";
  });
}

async function hintsOf(os: OsView, ids: readonly string[]): Promise<readonly Properties[]> {
  const asked = HINT_PROPERTIES.flatMap((name) => ["-p", name]);
  const shown = await Promise.all(ids.map((id) => os.run("loginctl", ["show-session", id, ...asked])));
  return shown.map((text) => propertiesOf(text ?? ""));
}

type Properties = Readonly<Record<string, string>>;

function propertiesOf(text: string): Properties {
  return Object.fromEntries(text.split("\n").map((line) => splitOnce(line, "=")));
}

async function terminalIdleMs(os: OsView, nowUnixMs: number): Promise<number> {
  const consoles = (await os.names("dev")).filter((name) => /^tty([1-9]\d?|S\d+)$/.test(name));
  const remote = (await os.names("dev/pts")).filter((name) => /^\d+$/.test(name));
  const paths = [...consoles.map((name) => `dev/${name}`), ...remote.map((name) => `dev/pts/${name}`)];
  const times = await Promise.all(paths.map((path) => os.readAtUnixMs(path)));
  return times.reduce<number>(
    (idle, at) => (at === null ? idle : Math.min(idle, nowUnixMs - at)),
    Number.POSITIVE_INFINITY,
  );
}

function splitOnce(line: string, by: string): [string, string] {
  const at = line.indexOf(by);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + by.length)];
}
