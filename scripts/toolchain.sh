#!/usr/bin/env bash
# Prints the environment that every cargo call of the project needs: `RUSTUP_TOOLCHAIN=system` where scripts/setup.sh
# took Debian's compiler (so that there is one compiler and one cache), nothing where rustup's own serves.
set -euo pipefail

name="${SOTTO_TOOLCHAIN_NAME:-system}"
if [ -n "${RUSTUP_TOOLCHAIN:-}" ]; then
    printf 'RUSTUP_TOOLCHAIN=%s\n' "$RUSTUP_TOOLCHAIN"
elif command -v rustup >/dev/null 2>&1 && rustup toolchain list 2>/dev/null | grep -qE "^$name( |\$)"; then
    printf 'RUSTUP_TOOLCHAIN=%s\n' "$name"
fi
