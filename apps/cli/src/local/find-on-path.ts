/** Where a program is that the system would start by its name. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** @returns undefined where no folder of the path has one that may be started */
export async function findOnPath(name: string, path = ""): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (folder !== "" && (await mayStart(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** What cannot be looked at, for whatever reason, cannot be started either: the next folder is asked, as by execvp(3). */
function mayStart(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
