//! `/api/v1/dead-letters` and `/api/v1/topics/{topic}/dead-letters…` (docs/pages-api.md).

use std::sync::Arc;

use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, Partition};
use comptoir_http::resource::{path, with};
use comptoir_http::{Problem, Request, Resource, Response};
use serde_json::json;

use super::order::{Order, Query, write_cursor};
use super::{DeadLetters, no_letter, view};
use crate::message::WHOLE;
use crate::routes::{answer, max_age, told};

pub(crate) fn resources<L: Log>(letters: &Arc<DeadLetters<L>>) -> Vec<Resource> {
    vec![
        path("/api/v1/dead-letters").get(with(letters, counts)),
        path("/api/v1/topics/{topic}/dead-letters").get(with(letters, list)),
        path("/api/v1/topics/{topic}/dead-letters/replay").post(with(letters, replay)),
        path("/api/v1/topics/{topic}/dead-letters/{partition}/{offset}").get(with(letters, one)),
    ]
}

async fn counts<L: Log>(
    letters: Arc<DeadLetters<L>>,
    request: Request,
) -> Result<Response, Problem> {
    letters.context.hosts.check(request.headers())?;
    let counted = letters.counted.get(max_age(&request), letters.count()).await;
    let counted = told(&counted)?;
    let open: u64 = counted.iter().map(|topic| topic.counts.open).sum();
    let topics: Vec<_> = counted.iter().map(view::counted).collect();
    Ok(answer(&json!({"open": open, "topics": topics})))
}

async fn list<L: Log>(letters: Arc<DeadLetters<L>>, request: Request) -> Result<Response, Problem> {
    letters.context.hosts.check(request.headers())?;
    let query = Query::read(request.query()?)?;
    let desk = letters.desk(request.param("topic"))?;
    let unread = letters.catch_up(desk).await?;
    let (page, next) = letters.page(desk, &query).await?;
    Ok(answer(&json!({"letters": page, "next": next.map(write_cursor), "unread": unread})))
}

async fn one<L: Log>(letters: Arc<DeadLetters<L>>, request: Request) -> Result<Response, Problem> {
    letters.context.hosts.check(request.headers())?;
    let desk = letters.desk(request.param("topic"))?;
    let partition = request.param("partition").parse().map(Partition);
    let offset = request.param("offset").parse().map(Offset);
    let (Ok(partition), Ok(offset)) = (partition, offset) else {
        return Err(no_letter());
    };
    letters.catch_up(desk).await?;
    let letter = letters.letter_at(desk, (partition, offset)).await?;
    Ok(answer(&view::letter::<L::Codec>(letter, WHOLE)))
}

/// The only route here that changes anything, so the guard stands before everything else.
async fn replay<L: Log>(
    letters: Arc<DeadLetters<L>>,
    mut request: Request,
) -> Result<Response, Problem> {
    letters.context.hosts.check(request.headers())?;
    let desk = letters.desk(request.param("topic"))?;
    let order = Order::read(&mut request).await?;
    Ok(answer(&letters.replay(desk, order).await?))
}
