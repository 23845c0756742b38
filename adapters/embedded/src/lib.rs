//! Every port on one durable fjall database in a folder: the event log and the stores.
