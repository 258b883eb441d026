/** Starts workers as an agent does, without a pause, until somebody ends it. */
import { silentLog } from "@pingo/core/testing";
import { findLauncher } from "../../src/worker/launcher.ts";

const [home = "", entry = ""] = process.argv.slice(2);
const folders = {
  blocks: `${home}/blocks`,
  updates: `${home}/updates`,
  compileCache: `${home}/compile-cache`,
};
const environment = { PATH: String(process.env["PATH"]) };
const launcher = await findLauncher({ environment, folders, log: silentLog, entry });
process.stdout.write("starts\n");
for (;;) {
  const child = launcher.start({ onPid: () => undefined });
  await new Promise((resolve) => setTimeout(resolve, 25));
  // As a lease that is taken back ends it, be it in the middle of its start.
  if (Math.random() < 0.3) child.kill("SIGKILL");
}
