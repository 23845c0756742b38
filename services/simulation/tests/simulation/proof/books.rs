//! Stock balances: the counters of an article are what its reservations add up to.

use std::collections::BTreeMap;

use comptoir_domain::stock::{ReservationStatus, Sku};
use comptoir_memory::Memory;

/// Holds at every step.
///
/// `received = available + held + sold` by construction; what a mistake shows in is whether `held` and
/// `sold` are what the reservations say.
pub(crate) fn balance(memory: &Memory) -> Result<(), String> {
    let (articles, reservations) = memory.all_stock();
    let mut sums: BTreeMap<&Sku, [u64; 2]> = BTreeMap::new();
    for reservation in &reservations {
        let [held, sold] = sums.entry(&reservation.sku).or_default();
        let pieces = u64::from(reservation.quantity.pieces());
        match reservation.status {
            ReservationStatus::Held => *held += pieces,
            ReservationStatus::Sold => *sold += pieces,
            ReservationStatus::Released | ReservationStatus::Rejected => {}
        }
    }
    for article in &articles {
        let counted = [article.held(), article.sold()];
        let summed = sums.remove(article.sku()).unwrap_or_default();
        if counted != summed {
            return Err(format!(
                "stock balances: {} counts {counted:?} pieces held and sold, but its reservations \
                 add up to {summed:?}",
                article.sku()
            ));
        }
    }
    match sums.into_iter().find(|(_, sums)| *sums != [0, 0]) {
        None => Ok(()),
        Some((sku, sums)) => Err(format!(
            "stock balances: {sums:?} pieces of {sku} are held and sold, which nobody received"
        )),
    }
}
