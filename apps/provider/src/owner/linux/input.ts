/**
 * When somebody last touched this computer.
 *
 * Desktops: the idle hint of logind, which the desktop sets, and xprintidle where every desktop is X11: an X server that runs
 * inside Wayland sees what its own windows are sent, and counts on while the owner types into another. Terminals: a tty is
 * read when a key is pressed. The latest touch that any of them tells counts.
 */
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";
import { desktopSessions, isX11Partial, type Properties, propertiesOf } from "./desktop-sessions.ts";

/** Answers in properties, one a line. SOURCE: loginctl(1), org.freedesktop.login1(5) */
const HINT_PROPERTIES = ["IdleHint", "IdleSinceHint"] as const;
const NO_HINT =
  "nothing says when the desktop was last touched: on X11 install xprintidle; on Wayland let the desktop set logind's idle hint (GNOME does; elsewhere: swayidle -w idlehint 60)";

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
  const sessions = await desktopSessions(os);
  const [hints, printedMs] = await Promise.all([
    hintsOf(
      os,
      sessions.map(({ id }) => id),
    ),
    isX11Partial(sessions) ? null : xServerIdleMs(os),
  ]);
  // It speaks of one X server: of two desktops, the other must tell for itself.
  let untold = printedMs === null ? 0 : -1;
  let idle = printedMs ?? Number.POSITIVE_INFINITY;
  for (const hint of hints) {
    const idleMs = hintedIdleMs(hint, nowUnixMs);
    if (idleMs === null) untold += 1;
    else idle = Math.min(idle, idleMs);
  }
  return untold > 0 ? null : idle;
}

/** Null for a desktop that never set the hint: only one that was seen to set it can be believed. */
function hintedIdleMs(hint: Properties, nowUnixMs: number): number | null {
  const sinceMs = Number(hint["IdleSinceHint"]) / 1_000;
  if (!(sinceMs > 0)) return null;
  return hint["IdleHint"] === "yes" ? nowUnixMs - sinceMs : 0;
}

async function xServerIdleMs(os: OsView): Promise<number | null> {
  const printed = await os.run("xprintidle", []);
  const idleMs = printed === null ? Number.NaN : Number.parseInt(printed, 10);
  return Number.isFinite(idleMs) ? idleMs : null;
}

async function hintsOf(os: OsView, ids: readonly string[]): Promise<readonly Properties[]> {
  const asked = HINT_PROPERTIES.flatMap((name) => ["-p", name]);
  const shown = await Promise.all(ids.map((id) => os.run("loginctl", ["show-session", id, ...asked])));
  return shown.map((text) => propertiesOf(text ?? ""));
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
