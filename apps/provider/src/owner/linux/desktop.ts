/** What fills the screen, which programs run, and whether the network costs by the byte. */
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";
import { desktopSessions, isX11Partial } from "./desktop-sessions.ts";

const NO_FULL_SCREEN =
  "nothing tells whether a program fills the screen (X11: install x11-utils, and a window manager that names the active window; Wayland does not tell)";

/** SOURCE: Extended Window Manager Hints, _NET_ACTIVE_WINDOW and _NET_WM_STATE */
export async function readFullScreen(os: OsView): Promise<Reading<boolean>> {
  const active = await os.run("xprop", ["-root", "_NET_ACTIVE_WINDOW"]);
  const window = /window id # (0x[0-9a-f]+)/.exec(active ?? "")?.[1];
  if (window === undefined) return { missing: NO_FULL_SCREEN };
  const isFull = window === "0x0" ? false : await fillsScreen(os, window);
  if (isFull === true) return { value: true };
  // An X server inside Wayland knows when a window of its own fills the screen, and nothing of the others.
  const isPartial = isX11Partial(await desktopSessions(os));
  return isFull === null || isPartial ? { missing: NO_FULL_SCREEN } : { value: false };
}

/** Null where the window is gone before it was asked. */
async function fillsScreen(os: OsView, window: string): Promise<boolean | null> {
  const state = await os.run("xprop", ["-id", window, "_NET_WM_STATE"]);
  return state === null ? null : state.includes("_NET_WM_STATE_FULLSCREEN");
}

/** The kernel keeps the first 15 letters of a program's name. */
export async function readApplications(os: OsView): Promise<Reading<ReadonlySet<string>>> {
  const ids = (await os.names("proc")).filter((name) => /^\d+$/.test(name));
  if (ids.length === 0) return { missing: "/proc does not list the running programs" };
  const names = await Promise.all(ids.map((id) => os.text(`proc/${id}/comm`)));
  return { value: new Set(names.flatMap((name) => (name === null ? [] : [name.trim()]))) };
}

/** SOURCE: nmcli(1), NMMetered: yes, no, guess-yes, guess-no, unknown */
export async function readMetered(os: OsView): Promise<Reading<boolean>> {
  const shown = await os.run("nmcli", ["-t", "-f", "GENERAL.STATE,GENERAL.METERED", "device", "show"]);
  if (shown === null)
    return { missing: "nothing tells whether the network is metered (NetworkManager is not here)" };
  const devices = shown.split("\n\n").filter((device) => /GENERAL\.STATE:100/.test(device));
  return { value: devices.some((device) => /GENERAL\.METERED:(guess-)?yes/.test(device)) };
}
