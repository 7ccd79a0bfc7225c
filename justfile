# The parts of CI. `just` alone lists the recipes.

default:
    @just --list

# Format all code
fmt:
    cargo fmt --all

# Check the format, and run clippy with warnings as errors
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Build the documentation of all crates
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Run all tests
test:
    cargo test

# Run one folder or file of end-to-end tests, such as `just promise http` or `just promise injection`
promise name:
    cargo test --test promises -- {{name}}::

# Run every fuzz target for this many seconds (nightly, cargo-fuzz)
fuzz seconds="10":
    fuzz/run {{seconds}}

# Measure the proxy beside a bare relay, such as `just bench --modes h1,rate --rounds 8` (docs/performance.md)
bench *arguments:
    cargo build --release -p secret-proxy -p secret-proxy-bench
    target/release/bench {{arguments}}

# Compare the CPU instructions of a request without I/O with the budget (valgrind)
instructions *arguments:
    .ci/instructions {{arguments}}

# Build the release and run the demo
demo:
    cargo run --release -- demo

# Run the commands of README and docs, as printed (root)
docs:
    tests/docs/run

# Test Nix modules, launchd agents, systemd units, and `install` under a real systemd (root)
services:
    tests/services/live
    tests/services/run
    tests/nix/run

# A laptop's day: sleep, a new address, a lost route, no name server (root)
networks:
    tests/networks/run

# Test reverse tunnels into a VM stand-in (root, sshd, tcpdump)
vm:
    tests/vm/run

# Test real clients, such as `just clients git curl`; tests/clients/install installs them
clients *rows:
    cargo build
    tests/clients/run {{rows}}

# Check licences, duplicates and sources of dependencies (cargo-deny)
deny:
    cargo deny check bans licenses sources

# Run everything that CI runs
ci:
    .ci/run
