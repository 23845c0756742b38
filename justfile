# `just` alone lists what there is.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @just --list

# Start the shop: live page on 3000, topics on 8080
run *ARGS:
    cargo run --release -- {{ ARGS }}

# Every test that needs nothing but Rust
test *ARGS:
    cargo test --workspace {{ ARGS }}

# What CI checks before it tests: format, lints, docs, licences, no C
check: && no-c
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    # Private items are documented, so links to them lead somewhere.
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items
    cargo deny --log-level error check bans licenses sources

# No program of ours compiles C
no-c:
    .ci/no-c

# Both pages in a real Chromium, against the real program
browser:
    cargo build --release
    cd services/pages/tests/browser && npm ci --ignore-scripts --no-audit --no-fund && npm test

# Kill the program with -9 under load, again and again; nothing acknowledged may be lost
crash ROUNDS="20":
    CRASH_ROUNDS={{ ROUNDS }} cargo test --release -p comptoir --test crash -- --nocapture

# The commands of the README, as they stand there
readme:
    cargo build --release
    .ci/readme

# The figures of docs/benchmarks.md
bench:
    .ci/bench

# The documentation of all crates, in a browser
doc:
    cargo doc --workspace --no-deps --document-private-items --open
