# What CI runs, in parts. `just` alone lists them.

default:
    @just --list

# Format all code
fmt:
    cargo fmt --all

# Lints, with warnings as errors
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The documentation of all crates
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# All tests
test:
    cargo test

# One file of promises, such as `just promise injection`
promise name:
    cargo test --test promises -- {{name}}::

# Every fuzz target for so many seconds (nightly and cargo-fuzz are needed)
fuzz seconds="10":
    fuzz/run {{seconds}}

# What it costs beside a bare relay, such as `just bench --modes h1,rate --rounds 8` (docs/performance.md)
bench *arguments:
    cargo build --release -p secret-proxy -p secret-proxy-bench
    target/release/bench {{arguments}}

# Instructions of the pure work of a request, against their budget (valgrind)
instructions *arguments:
    .ci/instructions {{arguments}}

# See it work
demo:
    cargo run --release -- demo

# Type the commands of the docs, as root
docs:
    tests/docs/run

# Nix modules, launchd agents and systemd units
services:
    tests/services/live
    tests/services/run
    tests/nix/run

# Tunnels into a VM stand-in (root, sshd, tcpdump)
vm:
    tests/vm/run

# Real clients, such as `just clients git curl`; tests/clients/install brings them
clients *rows:
    cargo build
    tests/clients/run {{rows}}

# Licences, duplicates and sources
deny:
    cargo deny check bans licenses sources

# Everything that CI runs
ci:
    .ci/run
