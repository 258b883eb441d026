/** What Debian wants to know of the package, and its manual page. */

export interface ControlOptions {
  readonly version: string;
  /** As Debian names it: "amd64". */
  readonly arch: string;
  readonly installedKiB: number;
}

/** SOURCE: deb-control(5). Node and ONNX Runtime link to these libraries of the system and no others. */
export function control({ version, arch, installedKiB }: ControlOptions): string {
  return `Package: pingo
Version: ${version}
Architecture: ${arch}
Maintainer: PinGo <packages@pingo.invalid>
Installed-Size: ${installedKiB}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1
Recommends: bubblewrap, util-linux
Suggests: xprintidle, x11-utils, swayidle
Section: science
Priority: optional
Description: lends what a computer does not use to a network that trains small AI models
 PinGo joins idle computers into one network. Its workers run at the lowest
 priority and, with bubblewrap, behind walls; the owner's own work comes first.
 .
 "pingo node join" lends this computer from a terminal;
 "systemctl --user enable --now pingo-provider" does so from every login on.
`;
}

const GROUPS = [[], ["node"], ["job"], ["fog"], ["store"], ["autograd"]] as const;

/** The commands' own help, so that the two never differ. SOURCE: man(7) */
export function manPage(version: string, help: (words: readonly string[]) => string): string {
  const sections = GROUPS.map((words) => {
    const title = ["pingo", ...words].join(" ").toUpperCase();
    return `.SH "${title}"\n.nf\n${escaped(help(words))}\n.fi\n`;
  });
  return `.TH PINGO 1 "" "pingo ${version}" "User Commands"
.SH NAME
pingo \\- idle computers, one network: train small AI models without a data centre
.SH SYNOPSIS
.B pingo
.I COMMAND
[options]
${sections.join("")}.SH FILES
.I ~/.pingo
all state; another folder with PINGO_HOME
.br
.I ~/.pingo/provider.env
settings of the user unit, as PINGO_FOG=http://10.0.0.5:4710
`;
}

function escaped(text: string): string {
  return text
    .trimEnd()
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}
