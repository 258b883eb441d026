/**
 * Makes the bundle that a provider's agent runs from: \`node tools/bundle-agent.ts\`, in a process of its own, since a bundler
 * takes half a gigabyte for half a second. Nothing where it is there and of the sources as they are.
 */
import { fileURLToPath } from "node:url";
import { bundleAgent } from "./pack/bundle-agent.ts";

await bundleAgent(fileURLToPath(new URL("../", import.meta.url)));
