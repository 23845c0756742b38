//! What must be so, whatever went wrong.

pub(crate) mod books;
mod goods;
pub(crate) mod keys;
mod lines;
mod order;
mod payments;
mod requests;
mod rest;
mod told;

use self::told::Told;
use crate::ledger::Ledger;
use crate::reader::Read;
use crate::shop::Shop;

pub(crate) use self::rest::unrest;
pub(crate) use self::told::topic;

/// Checks a shop that has come to rest; what is broken, each as `invariant: what`.
pub(crate) fn check(shop: &Shop, ledger: &Ledger, read: &Read) -> Vec<String> {
    let told = match Told::gather(&shop.world.memory, &shop.topics) {
        Ok(told) => told,
        Err(broken) => return vec![broken],
    };
    let payments = shop.world.memory.all_payments();
    let mut broken: Vec<_> = books::balance(&shop.world.memory).err().into_iter().collect();
    broken.extend(payments::check(&payments, &shop.world.memory, &told));
    broken.extend(requests::check(&ledger.asked(), &payments, &shop.world.memory, &told));
    broken.extend(goods::check(&ledger.asked(), &shop.world.memory));
    broken.extend(keys::check(&ledger.asked(), &payments));
    broken.extend(lines::check(&told, read));
    broken.extend(order::check(&told));
    broken
}
