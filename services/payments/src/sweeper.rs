//! Looks for payments whose time is up.

use std::time::Duration;

use comptoir_domain::app::expire_payments::{ExpirePayments, SWEEP_LIMIT};
use comptoir_domain::port::store::PaymentRepository;
use comptoir_runtime::supervise::TaskResult;
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(1);

/// Sweeps once a second, and again at once after a full sweep. A store that is away is met again a
/// second later.
pub(crate) async fn run<P: PaymentRepository>(
    expire: ExpirePayments<P>,
    stop: CancellationToken,
) -> TaskResult {
    // A stop may come in the middle: each payment's expiry is one write of its own.
    while let Some(swept) = stop.run_until_cancelled(expire.sweep()).await {
        match swept {
            Ok(SWEEP_LIMIT) => continue,
            Ok(0) => {}
            Ok(expired) => tracing::info!(payments = expired, "payments expired"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "payments cannot be swept"
                );
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
    Ok(())
}
