//! `GET /stock`, `GET /stock/{sku}`, `POST /stock/{sku}/receipts`.

use std::sync::Arc;

use comptoir_domain::app::receive_stock::{ReceiptRefused, ReceiveStock};
use comptoir_domain::port::store::StockRepository;
use comptoir_domain::port::world::Clock;
use comptoir_domain::stock::{Article, Quantity, Sku, StockRefusal};
use comptoir_http::resource::{path, with};
use comptoir_http::{
    Answer, Problem, Request, Resource, Response, StatusCode, header, headers, reply,
};
use comptoir_runtime::edge;
use comptoir_runtime::idempotency::{self, Asked, InFlight};
use serde::Serialize;

/// What the routes use.
pub(crate) struct Inventories<S> {
    pub(crate) stock: S,
    pub(crate) receive: ReceiveStock<S>,
    pub(crate) in_flight: InFlight,
    pub(crate) clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct ArticleAnswer<'a> {
    sku: &'a str,
    received: u64,
    available: u64,
    held: u64,
    sold: u64,
}

pub(crate) fn resources<S: StockRepository>(stock: &Arc<Inventories<S>>) -> [Resource; 3] {
    [
        path("/stock").get(with(stock, list)),
        path("/stock/{sku}").get(with(stock, show)),
        path("/stock/{sku}/receipts").post(with(stock, receive)),
    ]
}

async fn list<S: StockRepository>(
    service: Arc<Inventories<S>>,
    _: Request,
) -> Result<Response, Problem> {
    let articles = service.stock.articles().await;
    let articles = articles.map_err(|error| edge::store_problem(&error))?;
    let answers: Vec<_> = articles.iter().map(answer).collect();
    Ok(headers::no_store(reply::json(StatusCode::OK, &answers)))
}

async fn show<S: StockRepository>(
    service: Arc<Inventories<S>>,
    request: Request,
) -> Result<Response, Problem> {
    // A text that is no code names no article.
    let sku = Sku::try_from(request.param("sku").to_owned()).map_err(|_| unknown())?;
    let found = service.stock.load(&[sku]).await;
    let found = found.map_err(|error| edge::store_problem(&error))?.pop().flatten();
    let article = found.ok_or_else(unknown)?.state;
    Ok(headers::no_store(reply::json(StatusCode::OK, &answer(&article))))
}

async fn receive<S: StockRepository>(
    service: Arc<Inventories<S>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let mut fields = request.fields().await?;
    let sku = fields.convert("sku", Some(request.param("sku").to_owned()), Sku::try_from);
    let pieces = fields.required_integer_in("quantity", 1..=i64::from(Quantity::MAX_RECEIPT));
    let quantity = fields.convert("quantity", pieces, |pieces| {
        Quantity::to_receive(u64::try_from(pieces).unwrap_or(0))
    });
    let (sku, quantity) = fields.complete((sku, quantity))?;
    if let Some(key) = request.idempotency_key()? {
        return service.receive_once(&sku, quantity, key).await;
    }
    let received = service.receive.run(&sku, quantity).await;
    let article = received.map_err(|error| edge::problem(error, full))?;
    Ok(created(&article).into_response()?)
}

impl<S: StockRepository> Inventories<S> {
    /// Receives, unless that was done before under the same key.
    async fn receive_once(
        &self,
        sku: &Sku,
        quantity: Quantity,
        key: &str,
    ) -> Result<Response, Problem> {
        let under_way = self.in_flight.begin(&Asked {
            // Whoever reaches this service may receive, without saying who it is.
            caller: None,
            route: &["/stock/{sku}/receipts", sku.as_str()],
            key,
            fields: &[&quantity.pieces().to_string()],
        })?;
        let write_down = |article: &Article| created(article).encode();
        let request = under_way.repeatable(self.clock.now(), &write_down);
        let answered = self.receive.run_once(sku, quantity, &request).await;
        let answered = answered.map_err(|error| {
            edge::problem(error, |refused| match refused {
                ReceiptRefused::Stock(refusal) => full(refusal),
                ReceiptRefused::KeyReused(reused) => idempotency::key_reused(reused),
            })
        })?;
        idempotency::response(answered, created)
    }
}

fn created(article: &Article) -> Answer {
    Answer::json(StatusCode::CREATED, &answer(article))
        .with_header(&header::CACHE_CONTROL, "no-store")
}

fn answer(article: &Article) -> ArticleAnswer<'_> {
    ArticleAnswer {
        sku: article.sku().as_str(),
        received: article.received(),
        available: article.available(),
        held: article.held(),
        sold: article.sold(),
    }
}

fn unknown() -> Problem {
    Problem::not_found()
        .with_kind("article-not-found", "Nobody ever received such an article")
        .with_hint("GET /stock lists all articles; POST /stock/{sku}/receipts creates one.")
}

fn full(refusal: StockRefusal) -> Problem {
    Problem::conflict("stock-full", "The article cannot take more pieces", "Receive fewer pieces.")
        .with_detail(refusal.to_string())
}
