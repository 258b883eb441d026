/** Holds as much memory as a small program's arrays, until it is ended. */
import { Socket } from "node:net";
import { CHANNEL_FD, openChannel } from "../../src/worker/worker-channel.ts";

const HOLDS_BYTES = 64 * 2 ** 20;

const held = new Float32Array(HOLDS_BYTES / 4).fill(1);
const agent = openChannel(new Socket({ fd: CHANNEL_FD }), {
  lineBytesMax: 1_024,
  onValue: () => agent.say([held.length]),
  onOver: () => process.exit(0),
});
agent.say({ holdsBytes: held.byteLength });
