//! `GET /stock`, `GET /stock/{sku}`, `POST /stock/{sku}/receipts`.

use comptoir_memory::Memory;
use comptoir_testkit::SequentialIds;
use futures::future::join_all;
use serde_json::json;

use crate::client::Call;
use crate::shop::Shop;

#[tokio::test]
async fn the_first_start_puts_something_on_the_shelf() {
    let shop = Shop::open().await;
    let article = |sku: &str, pieces: u64| json!({"sku": sku, "received": pieces, "available": pieces, "held": 0, "sold": 0});
    let all = shop.inventories.get("/stock").await;
    assert_eq!(all.header("cache-control"), Some("no-store"));
    assert_eq!(
        all.ok(200),
        json!([
            article("coffee-mug", 1_000_000),
            article("espresso-cup", 1_000_000),
            article("signed-print", 3),
            article("tea-pot", 1_000_000),
            article("tote-bag", 1_000_000),
        ])
    );
    let one = shop.inventories.get("/stock/signed-print").await;
    assert_eq!(one.ok(200), article("signed-print", 3));
}

#[tokio::test]
async fn a_later_start_leaves_the_shelf_as_it_was() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let mut first = Shop::on(&memory, &ids).await;
    first.confirmed("sku=signed-print&quantity=3").await;
    first.until_stock("signed-print", [3, 0, 0, 3]).await;
    assert!(first.stop().await, "a clean stop");
    let second = Shop::on(&memory, &ids).await;
    assert_eq!(second.stock("signed-print").await, [3, 0, 0, 3]);
}

#[tokio::test]
async fn what_nobody_received_is_not_found() {
    let shop = Shop::open().await;
    let long = "x".repeat(65);
    for sku in ["nobody-has-it", "Coffee-Mug", "%0A", &long] {
        let answer = shop.inventories.get(format!("/stock/{sku}")).await;
        assert_eq!(answer.problem(404), "article-not-found", "{sku}");
    }
}

#[tokio::test]
async fn a_receipt_adds_pieces_and_creates_what_is_new() {
    let shop = Shop::open().await;
    let receipts = "/stock/signed-print/receipts";
    let form = shop.inventories.send(Call::post(receipts).form("quantity=7")).await;
    let full =
        json!({"sku": "signed-print", "received": 10, "available": 10, "held": 0, "sold": 0});
    assert_eq!(form.ok(201), full);
    let fresh = Call::post("/stock/t%C3%A9i%C3%A8re%2F2/receipts").json(r#"{"quantity":1000000}"#);
    let fresh = shop.inventories.send(fresh).await.ok(201);
    assert_eq!((&fresh["sku"], &fresh["available"]), (&json!("téière/2"), &json!(1_000_000)));
    let shown = shop.inventories.get("/stock/t%C3%A9i%C3%A8re%2F2").await;
    assert_eq!(shown.ok(200), fresh);
    shop.confirmed("sku=t%C3%A9i%C3%A8re/2&quantity=5").await;
    shop.until_stock("t%C3%A9i%C3%A8re%2F2", [1_000_000, 999_995, 0, 5]).await;
}

#[tokio::test]
async fn a_receipt_that_makes_no_sense_is_refused() {
    let shop = Shop::open().await;
    let receipts = "/stock/signed-print/receipts";
    assert_eq!(shop.inventories.post(receipts).await.wrong_fields(), ["quantity"]);
    for quantity in ["0", "-1", "1000001", "1.5", "x", "", "99999999999999999999"] {
        let call = Call::post(receipts).form(&format!("quantity={quantity}"));
        let answer = shop.inventories.send(call).await;
        assert_eq!(answer.wrong_fields(), ["quantity"], "{quantity}");
    }
    let long = format!("/stock/{}/receipts", "x".repeat(65));
    let answer = shop.inventories.send(Call::post(long).form("quantity=0")).await;
    assert_eq!(answer.wrong_fields(), ["sku", "quantity"]);
    assert_eq!(shop.stock("signed-print").await, [3, 3, 0, 0]);
}

#[tokio::test]
async fn receipts_and_sales_that_meet_lose_no_piece() {
    let shop = Shop::open().await;
    let receive = || async {
        let call = Call::post("/stock/signed-print/receipts").form("quantity=1");
        shop.inventories.send(call).await.ok(201);
    };
    let pay = || async { shop.settled(&shop.pay("sku=signed-print").await).await };
    let (_, paid) =
        tokio::join!(join_all((0..20).map(|_| receive())), join_all((0..20).map(|_| pay())));
    let sold = paid.iter().filter(|payment| payment["status"] == "confirmed").count() as u64;
    assert!(sold >= 3, "{sold}");
    shop.until_stock("signed-print", [23, 23 - sold, 0, sold]).await;
}
