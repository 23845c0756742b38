use comptoir_domain::stock::{Article, Sku};

use super::{a_sku, another};

/// Makes an article.
#[derive(Debug, Clone)]
#[must_use]
pub struct ArticleBuilder {
    sku: Sku,
    available: u64,
    held: u64,
    sold: u64,
}

/// An article of which 100 pieces are available.
pub fn an_article() -> ArticleBuilder {
    ArticleBuilder {
        sku: a_sku(&format!("article-{}", another())),
        available: 100,
        held: 0,
        sold: 0,
    }
}

impl ArticleBuilder {
    /// Its code.
    pub fn coded(self, code: &str) -> Self {
        Self { sku: a_sku(code), ..self }
    }

    /// Pieces on the shelf.
    pub fn with_available(self, available: u64) -> Self {
        Self { available, ..self }
    }

    /// Pieces that payments hold.
    pub fn with_held(self, held: u64) -> Self {
        Self { held, ..self }
    }

    /// Pieces that are sold.
    pub fn with_sold(self, sold: u64) -> Self {
        Self { sold, ..self }
    }

    /// The article.
    pub fn build(self) -> Article {
        let Self { sku, available, held, sold } = self;
        Article::restore(sku, available + held + sold, [available, held, sold]).unwrap()
    }
}
