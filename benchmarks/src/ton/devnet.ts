/**
 * External messages that the devnet executes in a second, sent by three processes with the public TonClient.
 *
 * Every message is a W5 wallet's transfer: two transactions. Counted on the chain, by the wallets' own numbers.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type Row, row } from "../report.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const DEVNET = join(HERE, "../../../apps/devnet/src/main.ts");
const CLIENT = join(HERE, "devnet-client.ts");
const CLIENTS = 3;
const WALLETS_PER_CLIENT = 40;
const ROUNDS = 20;

const zReady = z.object({ devnet: z.object({ endpoint: z.string(), adminUrl: z.string() }) });
const zSaid = z.object({
  messages: z.number(),
  startUnixMs: z.number(),
  endUnixMs: z.number(),
  retried: z.number(),
});

export const devnetCase = { name: "devnet", run };

async function run(say: (line: string) => void): Promise<readonly Row[]> {
  const home = await mkdtemp(join(tmpdir(), "pingo-bench-devnet-"));
  const devnet = spawn(process.execPath, [DEVNET], {
    env: {
      ...process.env,
      PINGO_HOME: home,
      PINGO_LOG_LEVEL: "warn",
      PINGO_DEVNET_HTTP: "127.0.0.1:0",
      PINGO_DEVNET_ADMIN_PORT: "0",
      PINGO_EXIT_WITH_PARENT: "1",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [line] = await once(createInterface(devnet.stdout), "line");
    const { endpoint, adminUrl } = zReady.parse(JSON.parse(String(line))).devnet;
    const said = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => runClient(endpoint, adminUrl, i)),
    );
    const messages = said.reduce((sum, one) => sum + one.messages, 0);
    const seconds =
      (Math.max(...said.map((one) => one.endUnixMs)) - Math.min(...said.map((one) => one.startUnixMs))) /
      1000;
    const retried = said.reduce((sum, one) => sum + one.retried, 0);
    say(`devnet: ${messages} messages in ${seconds.toFixed(1)} s, ${retried} sent again`);
    return [
      row(
        {
          case: `devnet, ${CLIENTS} client processes`,
          metric: "external messages executed",
          value: messages / seconds,
          unit: "1/s",
        },
        null,
        { relation: "≥", bound: 100 },
      ),
    ];
  } finally {
    devnet.stdin.end();
    if (devnet.exitCode === null) await once(devnet, "exit");
    await rm(home, { recursive: true, force: true });
  }
}

async function runClient(endpoint: string, adminUrl: string, index: number): Promise<z.output<typeof zSaid>> {
  const args = [endpoint, adminUrl, index, WALLETS_PER_CLIENT, ROUNDS].map(String);
  const child = spawn(process.execPath, [CLIENT, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const stdout = await text(child.stdout);
  const [code] = await exited;
  if (code !== 0) throw new Error(`a client of the devnet ended with ${code}`);
  return zSaid.parse(JSON.parse(stdout));
}
