/**
 * Who is at a desktop of this computer, from logind's own files: asking logind starts a process, for nothing where there is
 * no desktop. SOURCE: sd-login(3), /run/systemd/sessions
 */
import type { OsView } from "../os-view.ts";

export interface DesktopSession {
  readonly id: string;
  readonly type: "x11" | "wayland" | "mir";
}

const TYPES: readonly DesktopSession["type"][] = ["x11", "wayland", "mir"];

export async function desktopSessions(os: OsView): Promise<readonly DesktopSession[]> {
  const ids = (await os.names("run/systemd/sessions")).filter((name) => /^\w+$/.test(name));
  const texts = await Promise.all(ids.map((id) => os.text(`run/systemd/sessions/${id}`)));
  return ids.flatMap((id, i) => {
    const session = propertiesOf(texts[i] ?? "");
    const type = TYPES.find((one) => one === session["TYPE"]);
    const isOpen = session["CLASS"] === "user" && session["STATE"] !== "closing";
    return type !== undefined && isOpen ? [{ id, type }] : [];
  });
}

/** There, an X server of its own sees the windows of old programs alone. */
export function isX11Partial(sessions: readonly DesktopSession[]): boolean {
  return sessions.some(({ type }) => type !== "x11");
}

export type Properties = Readonly<Record<string, string>>;

/** One a line, as logind writes and prints them. */
export function propertiesOf(text: string): Properties {
  return Object.fromEntries(text.split("\n").map((line) => splitOnce(line, "=")));
}

function splitOnce(line: string, by: string): [string, string] {
  const at = line.indexOf(by);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + by.length)];
}
