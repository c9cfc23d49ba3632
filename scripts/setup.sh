#!/usr/bin/env bash
# Brings a machine to where `make run` and `make test` work. Skips what is there, says in one line each what it does.
#
#   scripts/setup.sh run     a compiler for this machine and for wasm32, wasm-opt
#   scripts/setup.sh test    that, and what the tests need: chromium, the packages of end2end/, sqlite3
#
# The compiler: rustup's, where `rustup target add` can fetch the wasm32 library; otherwise Debian's rustc-web, for which
# the wasm32 library is built once from Debian's own sources. ARCHITECTURE.md tells why nothing else is downloaded.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
for_what="${1:-test}"
target=wasm32-unknown-unknown
# Parameters, so that a test can exercise every step beside a toolchain that is in use.
toolchain="${SOTTO_TOOLCHAIN_NAME:-system}"
toolchain_root="${SOTTO_TOOLCHAIN_ROOT:-/usr}"
lld="${SOTTO_LLD:-lld-22}"
debian_toolchain=(rustc-web cargo-web rust-web-src rust-web-clippy "$lld")

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else fail "this step needs root and there is no sudo; run as root: $*"; fi
}

apt_install() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    have apt-get || fail "please install ${missing[*]} (this machine has no apt-get)"
    say "installing Debian's ${missing[*]}"
    if [ -z "${apt_lists_fresh:-}" ]; then
        as_root apt-get update -qq || fail "apt-get update failed"
        apt_lists_fresh=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
        || fail "apt-get could not install ${missing[*]}"
}

# --- the compiler ------------------------------------------------------------------------------------------------

# Runs a tool of the toolchain under test: `in_toolchain "" rustc …` means the default one.
in_toolchain() {
    local name="$1"
    shift
    if [ -n "$name" ]; then RUSTUP_TOOLCHAIN="$name" "$@"; else "$@"; fi
}

# At least the rust-version of Cargo.toml.
new_enough() {
    local needs has
    needs=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    has=$(in_toolchain "$1" rustc --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -n "$has" ] && [ "$(printf '%s\n' "$needs" "$has" | sort -V | head -n 1)" = "$needs" ]
}

# Compiles and links a module: the library, its bitcode (without it there is no LTO), its match with the compiler, and the
# linker in one question.
wasm_works() {
    local probe status=0
    probe=$(mktemp -d)
    printf '#![allow(unsafe_code)]\n#[unsafe(no_mangle)] pub extern "C" fn probe(n: usize) -> usize { vec![n; n].len() }\n' >"$probe/probe.rs"
    in_toolchain "$1" rustc --edition 2024 --crate-type cdylib -C lto=fat --target "$target" -o "$probe/probe.wasm" "$probe/probe.rs" \
        >/dev/null 2>&1 || status=1
    rm -rf "$probe"
    return "$status"
}

by_rustup() {
    have rustup && new_enough "" || return 1
    say "asking rustup for the $target library"
    timeout "${SOTTO_RUSTUP_SECONDS:-60}" rustup target add "$target" >/dev/null 2>&1 || return 1
    wasm_works ""
}

by_debian() {
    have apt-get || fail "Sotto needs rustc $(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml) or newer that builds for $target: rustup update stable && rustup target add $target"
    apt_install gcc libc6-dev "${debian_toolchain[@]}"
    if have rustup; then
        if ! rustup toolchain list | grep -qE "^$toolchain( |\$)"; then
            say "linking Debian's compiler as rustup toolchain '$toolchain'"
            rustup toolchain link "$toolchain" "$toolchain_root"
        fi
        chosen="$toolchain"
    fi
    new_enough "$chosen" || fail "Debian's rustc-web is older than Cargo.toml's rust-version; apt-get update and upgrade it"
    link_lld
    wasm_works "$chosen" || build_wasm_library
    wasm_works "$chosen" || fail "the compiler still cannot build for $target"
}

link_lld() {
    local bin
    bin="$(in_toolchain "$chosen" rustc --print sysroot)/lib/rustlib/$(in_toolchain "$chosen" rustc -vV | sed -n 's/^host: //p')/bin"
    [ -x "$bin/rust-lld" ] && return 0
    say "linking $lld as rust-lld"
    as_root mkdir -p "$bin"
    as_root ln -sfn "$(command -v "$lld")" "$bin/rust-lld"
}

build_wasm_library() {
    local work lib flags
    lib="$(in_toolchain "$chosen" rustc --print sysroot)/lib/rustlib/$target/lib"
    work=$(mktemp -d)
    say "building the $target library from Debian's sources (once, about a minute)"
    mkdir "$work/src"
    printf '#![no_std]\n' >"$work/src/lib.rs"
    printf '[package]\nname = "sotto-empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$work/Cargo.toml"
    # Panic messages name source files, and those of this library end up in what is served: the same on every machine.
    flags="-C embed-bitcode=yes --remap-path-prefix=$(in_toolchain "$chosen" rustc --print sysroot)/lib/rustlib/src/rust=rust"
    flags="$flags --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
    # The unstable flag stays here: the project itself builds without any. Bitcode is what LTO reads of the library.
    (cd "$work" && in_toolchain "$chosen" env RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" RUSTFLAGS="$flags" \
        cargo build --quiet --release -Z build-std=std,panic_abort --target "$target") || fail "the $target library did not build"
    rm -f "$work/target/$target/release/deps/"libsotto_empty-*
    as_root mkdir -p "$lib.new"
    as_root cp "$work/target/$target/release/deps/"*.rlib "$lib.new/"
    # A library of an older compiler may stand there: replaced in one move, never mixed.
    if [ -d "$lib" ]; then as_root mv "$lib" "$lib.old"; fi
    as_root mv "$lib.new" "$lib"
    as_root rm -rf "$lib.old"
    # What was built against the old library does not link with the new one, and cargo does not notice.
    rm -rf "$work" "${CARGO_TARGET_DIR:-target}/$target"
}

choose_compiler() {
    local env
    env=$(scripts/toolchain.sh)
    chosen="${env#RUSTUP_TOOLCHAIN=}"
    if have cargo && have rustc && new_enough "$chosen" && wasm_works "$chosen"; then return 0; fi
    if [ -z "$chosen" ] && by_rustup; then return 0; fi
    # A toolchain somebody named is theirs: say what is missing instead of replacing it.
    if [ -n "${RUSTUP_TOOLCHAIN:-}" ] && [ "$RUSTUP_TOOLCHAIN" != "$toolchain" ]; then
        fail "RUSTUP_TOOLCHAIN=$RUSTUP_TOOLCHAIN is too old or cannot build for $target; unset it, or: rustup target add $target"
    fi
    chosen=""
    by_debian
}

# --- tools from Debian and npm ------------------------------------------------------------------------------------

node_packages() {
    local folder="$1" seal
    [ -f "$folder/package-lock.json" ] || return 0
    seal=$(sha256sum <"$folder/package-lock.json")
    [ "$(cat "$folder/node_modules/.sotto-lock" 2>/dev/null || true)" = "$seal" ] && return 0
    say "installing the packages of $folder/package-lock.json"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) || fail "npm ci failed in $folder"
    printf '%s' "$seal" >"$folder/node_modules/.sotto-lock"
}

have make || apt_install make
have cc || apt_install gcc libc6-dev
choose_compiler
have node || apt_install nodejs
have npm || apt_install npm
node_packages xtask/npm
if [ "$for_what" = test ]; then
    have chromium || apt_install chromium
    have sqlite3 || apt_install sqlite3
    node_packages end2end
fi
