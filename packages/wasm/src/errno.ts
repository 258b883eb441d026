/** Numbers that WASI functions answer. SOURCE: WASI preview 1, type errno. */
export const ERRNO = {
  success: 0,
  badf: 8,
  exist: 20,
  fault: 21,
  ilseq: 25,
  inval: 28,
  io: 29,
  isdir: 31,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  nosys: 52,
  notdir: 54,
  notempty: 55,
  notsup: 58,
  perm: 63,
  rofs: 69,
  spipe: 70,
  xdev: 75,
  notcapable: 76,
} as const;

/** Thrown inside a WASI function; the module is answered the number. */
export class Errno extends Error {
  override readonly name = "Errno";
  readonly number: number;
  constructor(name: keyof typeof ERRNO) {
    super(name);
    this.number = ERRNO[name];
  }
}
