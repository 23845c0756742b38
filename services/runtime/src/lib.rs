//! What every service runs on: configuration, telemetry, supervision, consumers, the outbox relay.
