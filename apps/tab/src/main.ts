/**
 * Builds the page that lends into a folder, with ONNX Runtime's WebAssembly beside it and a compressed twin of each file.
 *
 *     node apps/tab/src/main.ts FOLDER
 */
import { buildPage } from "./build-page.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("name the folder to build the page into");
  process.exitCode = 2;
} else {
  await buildPage(folder);
}
