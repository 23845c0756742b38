# `just` alone lists what there is.

set shell := ["bash", "-euo", "pipefail", "-c"]

compose := "deploy/compose/docker"

[private]
default:
    @just --list

# Start the shop: live page on 3000, topics on 8080
run *ARGS:
    cargo run --release -- {{ ARGS }}

# Everything on Kafka and MongoDB, in containers: live page on 3000, Kafka UI on 8080
up *ARGS:
    {{ compose }} up --detach --build --wait {{ ARGS }}
    @{{ compose }} ps
    @echo "live page http://localhost:3000   Kafka UI http://localhost:8080   Kafka localhost:9092"

# What runs in containers, and how it is
ps:
    @{{ compose }} ps --all

# What the containers say
logs *SERVICES:
    {{ compose }} logs --follow --tail 100 {{ SERVICES }}

# Stop the containers; data stays
down:
    {{ compose }} down --remove-orphans

# Stop the containers and remove their data and secrets
clean:
    {{ compose }} down --remove-orphans --volumes
    rm -f deploy/.env

# The same without Docker: Kafka from Maven, a stand-in for MongoDB, every service a process
up-local *ARGS:
    deploy/local/up {{ ARGS }}

# Stop what `up-local` started
down-local:
    deploy/local/ctl down

# A Kafka broker alone, on 9092, from Maven; `just kafka stop` stops it
kafka DO="start" *ARGS:
    deploy/local/kafka/{{ DO }} {{ ARGS }}

# A stand-in for MongoDB alone, on 27017; `just mongo stop` stops it
mongo DO="start" *ARGS:
    deploy/local/mongo/{{ DO }} {{ ARGS }}

# Kafka's own tools, such as: just kafka-tool topics --list
kafka-tool *ARGS:
    deploy/local/kafka/tool {{ ARGS }}

# Compose file and Dockerfile against their specifications and against the programs
compose-check:
    .ci/compose-check

# Every test that needs nothing but Rust
test *ARGS:
    cargo test --workspace {{ ARGS }}

# The suites on real servers: Kafka, and MongoDB's protocol in memory and durable
test-servers:
    .ci/servers

# The separate programs as a stranger sees them: killed, stopped and scaled under load
test-cluster *TESTS:
    cargo build --release --bins
    TEST_CLUSTER=1 TEST_REQUIRE=cluster cargo test --workspace --test cluster -- --nocapture --test-threads 1 {{ TESTS }}

# Kill, pause, cut off, replace and scale all of it in random order under load; then the account by id
chaos SECONDS="300" STORE="memory":
    cargo build --release --bins
    CHAOS_SECONDS={{ SECONDS }} STORE={{ STORE }} cargo run --quiet -p comptoir-chaos

# What CI checks before it tests: format, lints, docs, licences, no C
check: && no-c
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    # What is left out by default.
    cargo clippy -p kafka-groups -p comptoir-kafka -p comptoir-cluster --all-targets \
        --features kafka-groups/tls,comptoir-kafka/tls,comptoir-cluster/kafka-tls -- -D warnings
    # Private items are documented, so links to them lead somewhere.
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items
    cargo deny --log-level error --features comptoir-cluster/kafka-tls check bans licenses sources

# No program of ours compiles C
no-c:
    .ci/no-c

# Both pages in a real Chromium, against the real program
browser:
    cargo build --release
    cd services/pages/tests/browser && npm ci --ignore-scripts --no-audit --no-fund && npm test

# Kill the program with -9 again and again: under load, while it starts, while it stops
crash ROUNDS="200":
    CRASH_ROUNDS={{ ROUNDS }} cargo test --release --workspace --test crash -- --nocapture

# The whole shop under so many seeds: virtual time, crashes, lost answers, outages
simulate SEEDS="5000":
    SIM_SEEDS={{ SEEDS }} cargo test --release --workspace --test simulation -- --nocapture

# The commands of the README, as they stand there
readme:
    cargo build --release
    .ci/readme

# The figures of docs/benchmarks.md
bench:
    .ci/bench

# Beside librdkafka and Kafka's own clients, on one broker in one run
bench-kafka *PARTS:
    .ci/bench-kafka {{ PARTS }}

# The documentation of all crates, in a browser
doc:
    cargo doc --workspace --no-deps --document-private-items --open
