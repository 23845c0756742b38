//! `comptoir.stock.*.v1`

use std::borrow::Cow;

use comptoir_domain::event::{StockMoved, StockRejected};
use comptoir_domain::id::PaymentId;
use comptoir_domain::stock::{Quantity, Sku};
use serde::{Deserialize, Serialize};

use crate::problem::{Misfit, field};
use crate::text::{Shown, Text};

#[derive(Debug, Serialize)]
pub(crate) struct StockOut<'a> {
    payment_id: Shown<&'a PaymentId>,
    sku: &'a str,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StockIn<'a> {
    #[serde(borrow)]
    payment_id: Cow<'a, str>,
    sku: String,
    quantity: u64,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

impl<'a> From<&'a StockMoved> for StockOut<'a> {
    fn from(moved: &'a StockMoved) -> Self {
        Self {
            payment_id: Shown(&moved.payment),
            sku: moved.sku.as_str(),
            quantity: moved.quantity.pieces(),
            reason: None,
        }
    }
}

impl<'a> From<&'a StockRejected> for StockOut<'a> {
    fn from(rejected: &'a StockRejected) -> Self {
        Self { reason: Some(rejected.reason.as_str()), ..Self::from(&rejected.asked) }
    }
}

impl TryFrom<StockIn<'_>> for StockMoved {
    type Error = Misfit;

    fn try_from(data: StockIn<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            payment: field("payment_id", data.payment_id.parse())?,
            sku: field("sku", Sku::try_from(data.sku))?,
            quantity: field("quantity", Quantity::to_receive(data.quantity))?,
        })
    }
}

impl TryFrom<StockIn<'_>> for StockRejected {
    type Error = Misfit;

    fn try_from(mut data: StockIn<'_>) -> Result<Self, Misfit> {
        let reason = data.reason.take();
        Ok(Self {
            reason: super::refused(reason.as_ref().map(|Text(text)| text.as_ref()))?,
            asked: data.try_into()?,
        })
    }
}
