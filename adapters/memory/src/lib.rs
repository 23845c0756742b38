//! Every port in memory, for tests: as unkind as Kafka.
