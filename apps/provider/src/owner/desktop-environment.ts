/**
 * How the owner's desktop is reached. A service begins before there is one, and outlives it: then the user's systemd knows what
 * a desktop told it when it began. SOURCE: systemctl(1), show-environment; dbus-update-activation-environment(1)
 */

export type Environment = Readonly<Record<string, string>>;

const KEYS = ["DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"] as const;

export class DesktopEnvironment {
  readonly #own: Environment;
  readonly #ask: () => Promise<string | null>;
  #known: Environment | null;

  /** @param ask  prints what the user's systemd would start a program with */
  constructor(own: Environment, ask: () => Promise<string | null>) {
    this.#own = own;
    this.#ask = ask;
    this.#known = "DISPLAY" in own ? own : null;
  }

  /** Our own where nobody knows of a desktop. */
  async find(): Promise<Environment> {
    if (this.#known !== null) return this.#known;
    const told = variablesIn((await this.#ask()) ?? "");
    const found = { ...this.#own, ...told };
    if ("DISPLAY" in found) this.#known = found;
    return found;
  }

  /** A program that asked the desktop failed: it may be gone, or be another by now. */
  forget(): void {
    this.#known = null;
  }
}

/** Values with strange characters are quoted, which none of these has. */
function variablesIn(text: string): Environment {
  const lines = text.split("\n").map((line) => /^(\w+)=(?!\$')(.+)$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((found) => {
      const key = KEYS.find((one) => one === found?.[1]);
      return key === undefined || found?.[2] === undefined ? [] : [[key, found[2]]];
    }),
  );
}
