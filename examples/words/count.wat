;; Counts the words of the one file in /input, and says the number. A whole program for WASI preview 1, in 0.5 KB.
(module
  (import "wasi_snapshot_preview1" "fd_readdir" (func $list (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)

  ;; 0: a vector (address, length); 8: an answer; 16: a descriptor; 1024: a directory entry; 4096: what was read.
  (func $must (param $errno i32)
    (if (local.get $errno) (then (call $exit (local.get $errno)))))

  (func (export "_start")
    (local $words i32) (local $inside i32) (local $at i32) (local $end i32)
    ;; From cookie 2 on: "." and ".." come first. /input is descriptor 3.
    (call $must (call $list (i32.const 3) (i32.const 1024) (i32.const 1024) (i64.const 2) (i32.const 8)))
    (call $must
      (call $open (i32.const 3) (i32.const 0) (i32.const 1048) (i32.load (i32.const 1040)) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
    (block $done
      (loop $more
        (i32.store (i32.const 0) (i32.const 4096))
        (i32.store (i32.const 4) (i32.const 65536))
        (call $must (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br_if $done (i32.eqz (i32.load (i32.const 8))))
        (local.set $at (i32.const 4096))
        (local.set $end (i32.add (i32.const 4096) (i32.load (i32.const 8))))
        (loop $byte
          ;; Whatever is no more than a space stands between words.
          (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 32))
            (then
              (if (i32.eqz (local.get $inside)) (then (local.set $words (i32.add (local.get $words) (i32.const 1)))))
              (local.set $inside (i32.const 1)))
            (else (local.set $inside (i32.const 0))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $byte (i32.lt_u (local.get $at) (local.get $end))))
        (br $more)))
    ;; Decimal digits and a line's end, written from the last one on.
    (local.set $at (i32.const 1023))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $words) (i32.const 10))))
      (local.set $words (i32.div_u (local.get $words) (i32.const 10)))
      (br_if $digit (local.get $words)))
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.sub (i32.const 1024) (local.get $at)))
    (call $must (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
