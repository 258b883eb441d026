/** What the rest of PinGo sees of the peer network: hosts, and the channels between them. */
import { LIMITS, type NodeId } from "@pingo/core";

export interface PeerHost extends AsyncDisposable {
  readonly id: NodeId;
  /** Where others reach this host; each ends in /p2p/ID. */
  readonly addresses: readonly string[];
  /**
   * Opens a channel to the peer that the address names, and to no other.
   *
   * @throws {NetworkError} PEER_UNREACHABLE, PEER_ID_MISMATCH, PROTOCOL_UNSUPPORTED, ADDRESS_INVALID, HOST_CLOSED
   */
  dial(address: string, protocol: string, options?: { readonly signal?: AbortSignal }): Promise<Channel>;
  /** From now on peers may open channels of this protocol. */
  handle(protocol: string, accept: (channel: Channel) => void): void;
}

/** Answers what the other side asks. A FaultError reaches the asker as a RemoteError. */
export type RequestHandler = (body: unknown) => Promise<unknown>;

export interface RequestOptions {
  /** From the call to the answer. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One long-lived stream to one peer, whose identity is proven. Both sides may ask; many requests run at once. */
export interface Channel extends AsyncDisposable {
  readonly peer: NodeId;
  /**
   * @param body a canonical value (core/codec.ts)
   * @throws {NetworkError} REQUEST_TIMEOUT, CHANNEL_CLOSED, MESSAGE_TOO_LARGE, TOO_MANY_REQUESTS
   * @throws {RemoteError} what the other side's handler threw
   */
  request(body: unknown, options?: RequestOptions): Promise<unknown>;
  /** Requests that came before wait for it. A later handler takes the earlier one's place. */
  serve(handler: RequestHandler): void;
  /** Resolves once, when nothing more can be asked or answered here. Never rejects. */
  readonly closed: Promise<ChannelEnd>;
}

export type ChannelEndCode =
  /** This side closed it. */
  | "CLOSED"
  /** The other side closed it. */
  | "PEER_CLOSED"
  /** The other side cut this one off for breaking the framing. */
  | "CUT_OFF"
  | "CONNECTION_LOST"
  /** Nothing, not even an answer to a ping, came for `silentMsMax`. */
  | "LINK_SILENT"
  /** The other side broke the framing and was cut off. */
  | "FRAME_TOO_LARGE"
  | "FRAME_MALFORMED"
  | "FRAME_UNEXPECTED";

export interface ChannelEnd {
  readonly code: ChannelEndCode;
  readonly message: string;
}

export interface ChannelLimits {
  readonly messageBytesMax: number;
  readonly requestsInFlightMax: number;
  readonly requestTimeoutMs: number;
  /** A ping goes out after this long without a frame from the peer. */
  readonly keepAliveMs: number;
  /** After this long without a frame the peer counts as dead. */
  readonly silentMsMax: number;
}

export const CHANNEL_LIMITS: ChannelLimits = {
  messageBytesMax: LIMITS.messageBytesMax,
  requestsInFlightMax: LIMITS.requestsInFlightMax,
  requestTimeoutMs: LIMITS.requestTimeoutMs,
  keepAliveMs: 5_000,
  silentMsMax: 15_000,
};
