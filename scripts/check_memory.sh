#!/usr/bin/env bash
# The CPU engine's unsafe code under AddressSanitizer: its tests, and whole forward passes of given model folders, with every
# generation of instructions that the processor has and in both precisions. Inline assembly (AMX) is not seen by it, what is around is.
#
#     scripts/check_memory.sh [MODEL...]
#
# On Linux on x86-64. The compiler is the usual one; the flag is that of nightly ones, which RUSTC_BOOTSTRAP allows.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/address-sanitizer"
cargo test --target $target -p minesegsat-cpu
[ $# -gt 0 ] || exit 0
cargo build --target $target -p minesegsat-cpu --example time_segformer
isas=(portable)
for isa in avx2:avx2 avx512:avx512f avx512bf16:avx512_bf16 amx:amx_bf16; do
    if grep -qw "${isa#*:}" /proc/cpuinfo; then isas+=("${isa%:*}"); else echo "without ${isa%:*}, which this processor has not"; fi
done
for model in "$@"; do
    for isa in "${isas[@]}"; do
        for precision in fp32 bf16; do
            echo "$model, $isa, $precision"
            MINESEGSAT_ISA=$isa "$CARGO_TARGET_DIR/$target/debug/examples/time_segformer" "$model" --precision $precision --runs 1
        done
    done
done
