/**
 * The system calls a worker may not make, as the filter that the kernel runs before each.
 *
 * A list of what is forbidden: Node and ONNX Runtime may need others tomorrow, and the walls of bubblewrap stand
 * behind it. Threads may be made, processes may not.
 * SOURCE: Documentation/userspace-api/seccomp_filter.rst; linux/filter.h; arch/x86/entry/syscalls/syscall_64.tbl
 */
import { endianness } from "node:os";

interface Calls {
  /** AUDIT_ARCH_… */
  readonly architecture: number;
  /** Refused as not permitted. */
  readonly forbidden: readonly number[];
  /** Of one kind alone: the others reach the network, or the computer that this one is a guest of. */
  readonly socket: number;
  /** Memory of its own alone: what is shared is counted by no limit of a process. */
  readonly mmap: number;
  readonly clone: number;
  /** Its flags lie in memory that a filter cannot read; libc falls back to clone. */
  readonly clone3: number;
}

/** ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot swapon reboot kexec_load kexec_file_load init_module finit_module delete_module bpf perf_event_open keyctl add_key request_key unshare setns userfaultfd io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret shmget msgget, and fork vfork where there are. */
const CALLS: { readonly [A in string]?: Calls } = {
  x64: {
    architecture: 0xc000003e,
    forbidden: [
      101, 310, 311, 165, 166, 155, 161, 167, 169, 246, 320, 175, 313, 176, 321, 298, 250, 248, 249, 272, 308,
      323, 425, 426, 427, 319, 447, 29, 68, 57, 58,
    ],
    socket: 41,
    mmap: 9,
    clone: 56,
    clone3: 435,
  },
  arm64: {
    architecture: 0xc00000b7,
    forbidden: [
      117, 270, 271, 40, 39, 41, 51, 224, 142, 104, 294, 105, 273, 106, 280, 241, 219, 217, 218, 97, 268, 282,
      425, 426, 427, 279, 447, 194, 186,
    ],
    socket: 198,
    mmap: 222,
    clone: 220,
    clone3: 435,
  },
};

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_SET = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

/** Where things lie in struct seccomp_data. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;
const FOURTH_ARGUMENT_AT = 40;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050000 | 1;
const ENOSYS = 0x00050000 | 38;
const EAFNOSUPPORT = 0x00050000 | 97;
const CLONE_THREAD = 0x00010000;
const AF_UNIX = 1;
/** Also a bit of MAP_SHARED_VALIDATE; MAP_PRIVATE has it not. */
const MAP_SHARED = 1;
/** Calls of the x32 way of calling, which this list does not name. */
const X32_FROM = 0x40000000;

/** One instruction: code, how many to skip if true and if false, operand. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** Undefined for a processor whose calls we do not know. */
export function seccompFilter(architecture: string): Uint8Array | undefined {
  const calls = CALLS[architecture];
  if (calls === undefined || endianness() !== "LE") return undefined;
  const refuse = (number: number, how: number): readonly Instruction[] => [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, how],
  ];
  const program: readonly Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE_AT],
    [JUMP_EQUAL, 1, 0, calls.architecture],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER_AT],
    [JUMP_AT_LEAST, 0, 1, X32_FROM],
    [RETURN, 0, 0, EPERM],
    ...refuse(calls.clone3, ENOSYS),
    ...calls.forbidden.flatMap((number) => refuse(number, EPERM)),
    [JUMP_EQUAL, 0, 4, calls.socket],
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    [JUMP_EQUAL, 1, 0, AF_UNIX],
    [RETURN, 0, 0, EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
    [JUMP_EQUAL, 0, 4, calls.mmap],
    [LOAD, 0, 0, FOURTH_ARGUMENT_AT],
    [JUMP_SET, 0, 1, MAP_SHARED],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
    [JUMP_EQUAL, 0, 3, calls.clone],
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    [JUMP_SET, 1, 0, CLONE_THREAD],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
  ];
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [i, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    bytes.setUint16(i * 8, code, true);
    bytes.setUint8(i * 8 + 2, ifTrue);
    bytes.setUint8(i * 8 + 3, ifFalse);
    bytes.setUint32(i * 8 + 4, operand, true);
  }
  return new Uint8Array(bytes.buffer);
}
