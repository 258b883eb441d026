/** Signs what it may, lease after lease, and tells each number once it is put; whoever started it ends it. */
import { systemDisk } from "@pingo/core/system";
import { codeOf, leaseOf, resultOf } from "@pingo/lending/testing";
import { openOutbox } from "../src/outbox.ts";

const LEASES = 200;
const [folder = "", answer = ""] = process.argv.slice(2);
using outbox = openOutbox(folder, systemDisk);
for (let number = 0; number < LEASES; number++) {
  await codeOf(async () => outbox.put(resultOf(leaseOf(number), Number(answer))));
  process.stdout.write(`${number}\n`);
}
