/** PINGO on TON: contracts as they are deployed, what they are asked, what their exit codes say. */
export {
  Certificate,
  CertificateCollection,
  type CertificateView,
  type Contribution,
  encodeDestroy,
  encodeIssue,
  encodeLapse,
  encodeProveOwnership,
  encodeRequestOwner,
  encodeSetQuorum,
  encodeTakeExcess,
  encodeWithdraw,
  isCertificateValid,
} from "./certificate/certificate.ts";
export {
  Channel,
  type ChannelTerms,
  type ChannelView,
  encodeClose,
  encodeFinish,
  encodePayOwed,
  encodeRedeem,
} from "./channel/channel.ts";
export {
  Escrow,
  type EscrowTerms,
  type EscrowView,
  encodeBill,
  encodeDispute,
  encodeSettle,
} from "./channel/escrow.ts";
export {
  ESCROW_ASK_NANOGRAM,
  encodeFunding,
  type JobEscrowTerms,
  jobEscrow,
} from "./channel/job-escrow.ts";
export {
  encodeVoucher,
  signVoucher,
  type Voucher,
  VoucherDesk,
  VoucherError,
  type VoucherFault,
} from "./channel/voucher.ts";
export { Airdrop, AirdropAt, type AirdropTerms, encodeReclaim } from "./claims/airdrop.ts";
export { ClaimError, type ClaimFault } from "./claims/claim-error.ts";
export { ClaimTree, type Given } from "./claims/claim-tree.ts";
export {
  type Authorities,
  ClaimRecord,
  Distributor,
  DistributorAt,
  type DistributorTerms,
  type DistributorView,
  encodeChallenge,
  encodeClaim,
  encodeDropChallenged,
  encodePause,
  encodePostRoot,
  encodeProveDecrease,
  encodeResolve,
  encodeSetAuthorities,
  type PostedRoot,
  parseDistributorTerms,
} from "./claims/distributor.ts";
export { type ContractName, codeOf } from "./code.ts";
export { type Deployed, type DeployOptions, deployContracts, digestOfGenesis } from "./deploy/deploy.ts";
export { DeployError, type DeployFault } from "./deploy/deploy-error.ts";
export {
  DEVNET_GENESIS_PATH,
  fillGenesis,
  type GenesisBlanks,
  hasBlanks,
  isFilledFrom,
} from "./deploy/fill-genesis.ts";
export {
  type GenesisFile,
  GenesisFileError,
  parseGenesisFile,
  readGenesisFile,
  treeOfAirdrop,
} from "./deploy/genesis-file.ts";
export { type AddressBook, type Deployment, type Letter, planDeployment } from "./deploy/plan.ts";
export { EmissionError, type EmissionFault } from "./emission/emission-error.ts";
export { type Evidence, openEvidence } from "./emission/evidence.ts";
export { givenOf, settleEpoch, treeOf } from "./emission/settle-epoch.ts";
export { EXIT_CODES, MACHINE_EXIT_CODES, sentenceOfExitCode } from "./exit-codes.ts";
export {
  type Electorate,
  encodeEstablish,
  encodeSetGuardian,
  encodeSetVotingRules,
  Governance,
  GovernanceAt,
  type GovernanceView,
  type Power,
  type VotingBounds,
  type VotingRules,
} from "./governance/governance.ts";
export { encodeLockedVote, encodeUnlock, Lock, type LockView } from "./governance/lock.ts";
export {
  isParameterName,
  NAMED_PARAMETERS,
  type NamedParameter,
  type ParameterName,
  wordsOfOrder,
} from "./governance/named-parameters.ts";
export { type Governed, powersOver } from "./governance/powers.ts";
export {
  Ballot,
  type Chamber,
  encodeBuilderVote,
  encodeConclude,
  encodePropose,
  Proposal,
  type ProposalView,
  type ProposedCall,
} from "./governance/proposal.ts";
export type { StateInit } from "./init.ts";
export {
  type Allocation,
  encodeGenesis,
  encodeProvideWalletAddress,
  encodeRedeliver,
  PINGO_SUPPLY_NANO,
  PingoMinter,
} from "./jetton/pingo-minter.ts";
export { movesOf, type PingoMove } from "./jetton/pingo-moves.ts";
export {
  encodeTellOwner,
  encodeTransfer,
  PingoWallet,
  type Transfer,
  type WalletView,
} from "./jetton/pingo-wallet.ts";
export { encodeOrder, exitCodeOfFailure } from "./quorum/order.ts";
export {
  encodeExecute,
  encodeQuorumCall,
  encodeSetKeys,
  GLOBAL_ID,
  placeInQuorum,
  Quorum,
  QuorumAt,
  type QuorumCall,
  type QuorumKeys,
  type QuorumView,
  signCell,
} from "./quorum/quorum.ts";
export {
  encodeConvict,
  encodeSetRegistryAuthorities,
  encodeSetStakeParameters,
  Registry,
  RegistryAt,
  type RegistryAuthorities,
  type RegistryView,
  type StakeParameters,
  type Verdict,
} from "./registry/registry.ts";
export {
  encodeCollect,
  encodeProveEquivocation,
  encodeRegister,
  encodeUnbond,
  isStakeValid,
  type MemberRole,
  type MemberSize,
  Stake,
  type StakeRules,
  type StakeView,
} from "./registry/stake.ts";
export {
  encodeStatement,
  type SignedCommitment,
  type Statement,
  signRegistration,
  signStatement,
} from "./registry/statement.ts";
export { encodeRelease, Vesting, VestingAt, type VestingTerms } from "./vesting/vesting.ts";
