//! Names of record headers. Kafka's header names are case-sensitive; all of ours are lower case.

/// The media type of the value.
pub const CONTENT_TYPE: &str = "content-type";

/// The [`CONTENT_TYPE`] of an event in structured mode.
pub const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

/// The trace, beside the copy in the value, for tools that look at headers only.
pub const TRACEPARENT: &str = "traceparent";

/// Why a record became a dead letter, in one line.
pub const DLQ_REASON: &str = "dlq-reason";

/// How often handling it was tried, in decimal.
pub const DLQ_ATTEMPTS: &str = "dlq-attempts";

/// The topic it was read from, prefix included.
pub const DLQ_TOPIC: &str = "dlq-topic";

/// The partition it was read from, in decimal.
pub const DLQ_PARTITION: &str = "dlq-partition";

/// Its offset there, in decimal.
pub const DLQ_OFFSET: &str = "dlq-offset";

/// When it was given up (RFC 3339).
pub const DLQ_TIME: &str = "dlq-time";

/// The consumer group that gave up.
pub const DLQ_GROUP: &str = "dlq-group";

/// The value was cut to fit, so it cannot be replayed; the bytes it had, in decimal.
pub const DLQ_TRUNCATED: &str = "dlq-truncated";

/// Marks the record that says that a dead letter was put back on its topic: where it stands there now,
/// as `partition:offset`.
pub const DLQ_REPLAYED: &str = "dlq-replayed";

/// How often a record was put back on its topic, in decimal; on the record that was.
pub const DLQ_REPLAYS: &str = "dlq-replays";
