/**
 * TON as hostile as it may be: what contracts sent each other waits, arrives in any order, or comes back.
 *
 * The network promises order only between one pair of contracts, and that a message that may bounce is either
 * delivered or returned. Everything else is up to the caller's choices.
 */
import { type Address, beginCell, type Cell, type Message } from "@ton/core";
import type { Chain, Sent, Step } from "./chain.ts";
import { messageOf, stepOf } from "./chain.ts";

/** The network's own charge for a bounce, about. */
const BOUNCE_FEE_NANOGRAM = 400_000n;
const BOUNCED = 0xffffffff;
const RICH_BOUNCED = 0xfffffffe;
const BOUNCED_BODY_BITS = 256;

export class LooseChain {
  readonly chain: Chain;
  readonly #waiting: Message[] = [];

  constructor(chain: Chain) {
    this.chain = chain;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  post(sent: Sent): void {
    this.#waiting.push(messageOf(sent));
  }

  /**
   * Delivers one waiting message, or returns it to its sender as the network does when a contract fails.
   *
   * @param choice which of those that may come next; any whole number
   */
  async step(choice: number, isReturned: boolean): Promise<Step | null> {
    const candidates = this.#waiting.filter((message, index) => this.#isFirstOfItsPair(message, index));
    const message = candidates[choice % Math.max(candidates.length, 1)];
    if (message?.info.type !== "internal") return null;
    this.#waiting.splice(this.#waiting.indexOf(message), 1);
    if (isReturned && message.info.bounce) {
      const returned = bounceOf(message);
      if (returned) this.#waiting.push(returned);
      return null;
    }
    const transaction = await this.chain.deliver(message);
    if (!transaction) return null;
    for (const out of transaction.outMessages.values()) {
      if (out.info.type === "internal") this.#waiting.push(out);
    }
    return stepOf(transaction);
  }

  /**
   * Delivers everything that waits, in order.
   *
   * @param returnedOp messages with this opcode come back instead
   */
  async drain(returnedOp: number | null = null): Promise<readonly Step[]> {
    const steps: Step[] = [];
    while (this.#waiting.length > 0) {
      const op = opOf(this.#waiting[0]);
      const step = await this.step(0, op !== null && op === returnedOp);
      if (step) steps.push(step);
    }
    return steps;
  }

  // SOURCE: TON whitepaper 2.4.20: messages between two accounts keep their order.
  #isFirstOfItsPair(message: Message, index: number): boolean {
    return !this.#waiting
      .slice(0, index)
      .some(
        (earlier) =>
          isSame(sourceOf(earlier), sourceOf(message)) && isSame(targetOf(earlier), targetOf(message)),
      );
  }
}

function bounceOf(message: Message): Message | null {
  if (message.info.type !== "internal") return null;
  const valueNanogram = message.info.value.coins - BOUNCE_FEE_NANOGRAM;
  if (valueNanogram <= 0n) return null;
  return {
    info: {
      ...message.info,
      bounce: false,
      bounced: true,
      src: message.info.dest,
      dest: message.info.src,
      value: { coins: valueNanogram },
    },
    body: isRich(message) ? richBody(message) : shortBody(message.body),
  };
}

function shortBody(body: Cell): Cell {
  const head = body.beginParse();
  const bits = Math.min(BOUNCED_BODY_BITS, head.remainingBits);
  return beginCell().storeUint(BOUNCED, 32).storeBits(head.loadBits(bits)).endCell();
}

// The extra flags of TVM 12 travel where the fee of instant hypercube routing was: bit 0 asks for the whole body.
function isRich(message: Message): boolean {
  return message.info.type === "internal" && (message.info.ihrFee & 1n) === 1n;
}

// SOURCE: new_bounce_body of TVM 12; no compute phase, bounced before it.
function richBody(message: Message): Cell {
  if (message.info.type !== "internal") throw new Error("only internal messages bounce");
  const original = beginCell().storeBits(message.body.bits).endCell();
  const facts = beginCell()
    .storeCoins(message.info.value.coins)
    .storeBit(false)
    .storeUint(message.info.createdLt, 64)
    .storeUint(message.info.createdAt, 32)
    .endCell();
  return beginCell()
    .storeUint(RICH_BOUNCED, 32)
    .storeRef(original)
    .storeRef(facts)
    .storeUint(0, 8)
    .storeInt(-14, 32)
    .storeBit(false)
    .endCell();
}

function opOf(message: Message | undefined): number | null {
  if (message?.info.type !== "internal" || message.info.bounced) return null;
  return message.body.bits.length >= 32 ? message.body.beginParse().loadUint(32) : null;
}

function sourceOf(message: Message): Address | null {
  return message.info.type === "internal" ? message.info.src : null;
}

function targetOf(message: Message): Address | null {
  return message.info.type === "internal" ? message.info.dest : null;
}

function isSame(one: Address | null, other: Address | null): boolean {
  return one !== null && other !== null && one.equals(other);
}
