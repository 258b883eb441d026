/**
 * The systemd user unit that lends a computer without a terminal: it weighs nothing beside the owner's own services.
 *
 * Priorities count inside a control group only, and systemd gives each service a group that weighs as much as a desktop's:
 * so the group itself is idle. SOURCE: systemd.resource-control(5), CPUWeight=idle; systemd.exec(5), IOSchedulingClass=
 */
export const UNIT_NAME = "pingo-provider.service";

export interface ServiceOptions {
  /** Program and words, each a path or a word without meaning to systemd. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Read where it is there; "%h" is the owner's home. */
  readonly environmentFile?: string;
}

export function serviceUnit({ command, environment, environmentFile }: ServiceOptions): string {
  const variables = Object.entries(environment).map(
    ([key, value]) => `Environment=${quoted(specifierFree(`${key}=${value}`))}`,
  );
  if (environmentFile !== undefined) variables.push(`EnvironmentFile=-${environmentFile}`);
  return `[Unit]
Description=PinGo lends this computer while its owner does not need it

[Service]
ExecStart=${command.map((word) => quoted(variableFree(specifierFree(word)))).join(" ")}
${variables.join("\n")}
Restart=on-failure
RestartSec=10
# It hands its leases back on SIGTERM.
TimeoutStopSec=10
CPUWeight=idle
IOWeight=1
Nice=19
CPUSchedulingPolicy=idle
IOSchedulingClass=idle
OOMScoreAdjust=1000
MemoryHigh=80%
# A worker's memory may be limited in a group of its own below this one.
Delegate=memory cpu

[Install]
WantedBy=default.target
`;
}

/** SOURCE: systemd.unit(5), specifiers: in every setting. */
function specifierFree(text: string): string {
  return text.replaceAll("%", "%%");
}

/** SOURCE: systemd.service(5), command lines: in those alone; Environment= takes "$" as it is (systemd.exec(5)). */
function variableFree(text: string): string {
  return text.replaceAll("$", "$$$$");
}

/** SOURCE: systemd.syntax(7), quoting. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
