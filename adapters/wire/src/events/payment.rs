//! `comptoir.payment.*.v1`

use std::borrow::Cow;

use comptoir_domain::event::{PaymentRejected, PaymentTerms};
use comptoir_domain::id::{PaymentId, UserId};
use comptoir_domain::money::{Amount, Currency, Money};
use comptoir_domain::stock::{Quantity, Sku};
use serde::{Deserialize, Serialize};

use crate::problem::{Misfit, field};
use crate::text::{Shown, Text};

#[derive(Debug, Serialize)]
pub(crate) struct PaymentOut<'a> {
    payment_id: Shown<&'a PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Shown<&'a UserId>>,
    sku: &'a str,
    quantity: u32,
    amount: u64,
    currency: Shown<&'a Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PaymentIn<'a> {
    #[serde(borrow)]
    payment_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
    sku: String,
    quantity: u64,
    amount: u64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

impl<'a> From<&'a PaymentTerms> for PaymentOut<'a> {
    fn from(terms: &'a PaymentTerms) -> Self {
        Self {
            payment_id: Shown(&terms.payment),
            user_id: terms.user.as_ref().map(Shown),
            sku: terms.sku.as_str(),
            quantity: terms.quantity.pieces(),
            amount: terms.money.amount.minor_units(),
            currency: Shown(&terms.money.currency),
            reason: None,
        }
    }
}

impl<'a> From<&'a PaymentRejected> for PaymentOut<'a> {
    fn from(rejected: &'a PaymentRejected) -> Self {
        Self { reason: Some(rejected.reason.as_str()), ..Self::from(&rejected.terms) }
    }
}

impl TryFrom<PaymentIn<'_>> for PaymentTerms {
    type Error = Misfit;

    fn try_from(data: PaymentIn<'_>) -> Result<Self, Misfit> {
        let user = data.user_id.map(|Text(id)| id.parse()).transpose();
        Ok(Self {
            payment: field("payment_id", data.payment_id.parse())?,
            user: field("user_id", user)?,
            sku: field("sku", Sku::try_from(data.sku))?,
            quantity: field("quantity", Quantity::to_receive(data.quantity))?,
            money: Money {
                amount: field("amount", Amount::try_from(data.amount))?,
                currency: field("currency", data.currency.parse())?,
            },
        })
    }
}

impl TryFrom<PaymentIn<'_>> for PaymentRejected {
    type Error = Misfit;

    fn try_from(mut data: PaymentIn<'_>) -> Result<Self, Misfit> {
        let reason = data.reason.take();
        Ok(Self {
            reason: super::refused(reason.as_ref().map(|Text(text)| text.as_ref()))?,
            terms: data.try_into()?,
        })
    }
}
