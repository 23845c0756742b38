//! Creates the topics at start, whenever Kafka comes.

use std::sync::Arc;

use comptoir_domain::port::bus::LogAdmin;
use comptoir_runtime::backoff::Backoff;
use comptoir_runtime::context::Context;
use comptoir_runtime::supervise::TaskResult;

/// Creates the topics that are missing, trying until it is done or the program stops. Every program
/// does so: whichever comes first, and whichever is alone, finds what it needs.
pub(crate) async fn create(admin: impl LogAdmin, partitions: u32, context: Context) -> TaskResult {
    let topics = context.topics.all();
    let mut backoff = Backoff::new(Arc::clone(&context.ids));
    loop {
        let creating = admin.create_topics(&topics, partitions);
        let Some(Err(error)) = context.stop.run_until_cancelled(creating).await else {
            break;
        };
        tracing::warn!(error = &error as &dyn std::error::Error, "topics cannot be created yet");
        if !backoff.wait(&context.stop).await {
            break;
        }
    }
    context.stop.cancelled().await;
    Ok(())
}
