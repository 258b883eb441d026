/**
 * Every limit at a trust border, in one table. Each is exceeded by a test of the room that enforces it.
 *
 * Units are in the names. Raise one only with a measurement.
 */
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export const LIMITS = {
  /** A block on the wire or on disk; IPFS trustless-gateway clients refuse more than 2 MiB. */
  blockBytesMax: 2 * MiB,
  /** A leaf that we cut ourselves. */
  chunkBytesMax: 1 * MiB,
  /** One canonical DAG-CBOR value (message, manifest, job). */
  valueBytesMax: 1 * MiB,
  valueDepthMax: 32,
  valueItemsMax: 65_536,
  /** A job file as the user wrote it. */
  jobFileBytesMax: 256 * KiB,
  /** An owner's policy as written. */
  policyFileBytesMax: 64 * KiB,
  policyWindowsMax: 64,
  policyApplicationsMax: 256,
  modelBytesMax: 256 * MiB,
  modelNodesMax: 20_000,
  /** Fields of the protobuf, strings and repeated scalars included. */
  modelFieldsMax: 2_000_000,
  /** Repeated numbers that the protobuf keeps outside raw_data; each costs far more in memory than in the file. */
  modelPackedBytesMax: 64 * MiB,
  /** Of them, whole numbers: one byte of a varint becomes an object of 32. */
  modelIntegersMax: 4_000_000,
  /** Nodes, attributes, tensors, declared values and their sizes: each becomes an object of some 300 bytes. */
  modelMessagesMax: 500_000,
  modelSubgraphsMax: 256,
  modelSubgraphDepthMax: 4,
  /** Of a model's functions that call each other. */
  modelFunctionDepthMax: 32,
  tensorRankMax: 8,
  tensorElementsMax: 2 ** 30,
  /** Of one f32 weights vector (400 MB): beyond it the home-link envelope does not hold. */
  weightsMax: 100_000_000,
  datasetBytesMax: 64 * GiB,
  datasetRowsMax: 2 ** 31,
  datasetShardsMax: 65_536,
  safetensorsHeaderBytesMax: 16 * MiB,
  roundsMax: 100_000,
  stepsPerRoundMax: 10_000,
  batchSizeMax: 65_536,
  workersMax: 1_024,
  nameCharsMax: 64,
  /** A WebAssembly module: it is read whole into memory, checked and compiled. */
  moduleBytesMax: 32 * MiB,
  wasmPageBytes: 64 * KiB,
  /** Of one module's memory; what 32-bit addresses reach. */
  wasmMemoryBytesMax: 4 * GiB,
  wasmTableEntriesMax: 1_000_000,
  /** The engine keeps some 80 bytes for each, however small, outside the module's memory. */
  wasmFunctionsMax: 250_000,
  argumentsMax: 256,
  argumentCharsMax: 4_096,
  piecesMax: 4_096,
  /** What one piece reads, and leaves: the latter is held in memory until it ends. */
  inputBytesMax: 4 * GiB,
  inputEntriesMax: 16_384,
  inputPartsMax: 65_536,
  outputBytesMax: 256 * MiB,
  outputEntriesMax: 4_096,
  /** Of stdout, and of stderr. */
  streamBytesMax: 1 * MiB,
  /** One framed message on a peer channel. */
  messageBytesMax: 1 * MiB,
  requestsInFlightMax: 256,
  requestTimeoutMs: 15_000,
  channelsPerPeerMax: 16,
  leaseTtlMsMax: 600_000,
  leasesPerProviderMax: 64,
  reclaimNoticeMsMax: 30 * 86_400_000,
  /** More is no link and no memory that is built. */
  offerBytesPerSecondMax: 2 ** 43,
  httpBodyBytesMax: 2 * MiB,
  /** Of all uploads under way in one station: 16 whole blocks, of the 500 MB that it may take. */
  uploadsHeldBytesMax: 32 * MiB,
  /** A sender that sends nothing for so long is cut off. */
  uploadSilenceMsMax: 10_000,
  /** Of one station: its followers, and every worker of its largest job with some to spare. */
  httpConnectionsMax: 2_048,
  eventsReplayMax: 10_000,
  sseClientsMax: 256,
} as const;
