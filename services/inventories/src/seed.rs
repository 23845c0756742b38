//! The first articles, so that there is something to buy.

use std::sync::Arc;

use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::port::store::StockRepository;
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_runtime::backoff::Backoff;
use comptoir_runtime::context::Context;

/// Code and pieces. Of the last there are few on purpose, so that it can run out.
const ARTICLES: [(&str, u64); 5] = [
    ("coffee-mug", 1_000_000),
    ("espresso-cup", 1_000_000),
    ("tea-pot", 1_000_000),
    ("tote-bag", 1_000_000),
    ("signed-print", 3),
];

/// Seeds what is not there, trying until the store answers or the program stops.
pub(crate) async fn run<S: StockRepository>(receive: &ReceiveStock<S>, context: &Context) {
    let article = |(sku, pieces): (&str, u64)| {
        let sku = Sku::try_from(sku.to_owned()).ok()?;
        Some((sku, Quantity::to_receive(pieces).ok()?))
    };
    let articles: Vec<_> = ARTICLES.into_iter().filter_map(article).collect();
    let mut backoff = Backoff::new(Arc::clone(&context.ids));
    // Whatever a stop leaves undone is done at the next start.
    while let Some(Err(error)) = context.stop.run_until_cancelled(receive.seed(&articles)).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "stock cannot be seeded");
        if !backoff.wait(&context.stop).await {
            return;
        }
    }
}
