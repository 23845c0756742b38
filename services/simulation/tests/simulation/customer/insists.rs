//! Requests with an `Idempotency-Key`, sent until there is an answer that tells.

use super::Customer;
use crate::ask::Request;
use crate::http::{Answer, Reply};

/// Somebody whom all of these did not help gives up.
const MOST_REPEATS: u64 = 8;

impl Customer {
    /// Sends a request with a key of its own.
    pub(super) async fn insist_on(&mut self, mut request: Request) {
        self.keys += 1;
        request.key = Some(format!("{}/{}", self.name, self.keys));
        self.repeat(request).await;
    }

    /// Sends what was sent with a key before: the very same request, or, against the rules, another
    /// one, or the same as somebody else, which makes it another one too.
    pub(super) async fn use_a_key_again(&mut self) {
        let Some(mut request) = self.chance.choice(self.ledger.keyed()) else {
            return;
        };
        match self.chance.u32(..4) {
            0 => request.ask = request.ask.with_one_more(),
            1 if request.ask.is_of_a_caller() => request.token.clone_from(&self.token),
            _ => {}
        }
        self.repeat(request).await;
    }

    async fn repeat(&mut self, request: Request) {
        if self.chance.u32(..4) == 0 {
            self.ask_twice(request.clone()).await;
        }
        for _ in 0..self.chance.u64(1..=MOST_REPEATS) {
            let chance = self.chance.fork();
            let answer = self.ask(request.clone(), chance).await;
            let is_over = match answer {
                // Some do not believe it.
                Answer::Came(Reply { status: 200..300, .. }) => self.chance.u32(..5) > 0,
                Answer::Came(Reply { status, .. }) => status == 422,
                Answer::Lost | Answer::Refused => false,
            };
            if is_over {
                return;
            }
            self.pause().await;
        }
    }
}
