/**
 * Makes a job of any text: data, vocabulary, model and job file in one folder.
 *
 *     npx node examples/chargpt/prepare.ts TEXT FOLDER
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeModel } from "@pingo/autograd";
import { encodeSafetensors } from "@pingo/storage";
import { tell } from "../tell.ts";
import { charGpt, GPT_SIZE, type GptSize } from "./model.ts";
import { encodeText, vocabularyOf, windowsOf } from "./text.ts";

/** The end of the text is held out: a model that only remembers does badly there. */
const TRAIN_SHARE = 0.9;

export async function prepareText(textPath: string, folder: string, size: GptSize = GPT_SIZE): Promise<void> {
  const text = (await readFile(textPath, "utf8")).replaceAll("\r\n", "\n");
  const vocabulary = vocabularyOf(text);
  const tokens = encodeText(text, vocabulary);
  const cut = Math.floor(tokens.length * TRAIN_SHARE);
  await mkdir(folder, { recursive: true });
  const write = (name: string, content: Uint8Array | string): Promise<void> =>
    writeFile(join(folder, name), content);
  await write("vocabulary.json", JSON.stringify(vocabulary));
  await write("train.safetensors", encodeSafetensors(windowsOf(tokens.subarray(0, cut), size.positions)));
  await write("test.safetensors", encodeSafetensors(windowsOf(tokens.subarray(cut), size.positions)));
  await write("model.onnx", writeModel(charGpt(vocabulary.length, size)));
  await copyFile(fileURLToPath(new URL("job.yaml", import.meta.url)), join(folder, "job.yaml"));
}

if (import.meta.main) {
  const [textPath, folder] = process.argv.slice(2);
  if (textPath === undefined || folder === undefined) {
    console.error("usage: npx node examples/chargpt/prepare.ts TEXT FOLDER");
    process.exitCode = 1;
  } else {
    await tell(async () => {
      await prepareText(textPath, folder);
      console.log(
        `${folder} is ready: npm run pingo -- train ${join(folder, "job.yaml")} --follow --out ${folder}/trained`,
      );
    });
  }
}
