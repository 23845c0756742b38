use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;

use futures::future::poll_immediate;
use futures::poll;

use super::*;

fn pool(threads: usize, waiting: usize) -> Pool {
    Pool::start(Bounds {
        threads: NonZeroUsize::new(threads).unwrap(),
        waiting,
        patience: Duration::from_secs(10),
    })
    .unwrap()
}

/// Work that tells when it begins and ends when it is told to.
fn blocker() -> (impl FnOnce() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let work = move || {
        begun.send(()).unwrap();
        // The test that failed has dropped its end.
        let _ = ends.recv();
    };
    (work, begins, end)
}

#[tokio::test]
async fn work_runs_and_answers() {
    let pool = pool(2, 4);
    let answers = futures::future::join_all((0..4).map(|n| pool.run(move || n * n))).await;
    assert_eq!(answers, [Ok(0), Ok(1), Ok(4), Ok(9)]);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let pool = pool(1, 2);
    let (work, begins, end) = blocker();
    let mut running = Box::pin(pool.run(work));
    assert!(poll!(&mut running).is_pending());
    begins.recv().unwrap();

    let mut waiting: Vec<_> = (0..2).map(|n| Box::pin(pool.run(move || n))).collect();
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    assert_eq!(poll_immediate(pool.run(|| ())).await, Some(Err(Busy)));

    end.send(()).unwrap();
    assert_eq!(running.await, Ok(()));
    assert_eq!(futures::future::join_all(waiting).await, [Ok(0), Ok(1)]);
}

#[tokio::test]
async fn who_leaves_the_queue_costs_no_work_and_no_place() {
    let pool = pool(1, 1);
    let (work, begins, end) = blocker();
    let mut running = Box::pin(pool.run(work));
    assert!(poll!(&mut running).is_pending());
    begins.recv().unwrap();

    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let ran = Arc::clone(&ran);
        let mut leaving = Box::pin(pool.run(move || ran.fetch_add(1, Ordering::SeqCst)));
        assert!(poll!(&mut leaving).is_pending());
    }
    assert_eq!(pool.shared.lock().jobs.len(), 1, "the bound holds for them too");

    end.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(pool.run(|| 1).await, Ok(1));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let pool = pool(1, 2);
    let (work, begins, end) = blocker();
    let mut running = Box::pin(pool.run(work));
    assert!(poll!(&mut running).is_pending());
    begins.recv().unwrap();

    let asked = tokio::time::Instant::now();
    assert_eq!(pool.run(|| ()).await, Err(Busy));
    assert_eq!(asked.elapsed().as_secs(), 10);
    // What has begun is waited for, however long it takes.
    assert_eq!(poll!(&mut running), Poll::Pending);
    end.send(()).unwrap();
    assert_eq!(running.await, Ok(()));
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    let pool = pool(1, 1);
    let nothing = pool.run(|| panic!("on purpose")).await;
    assert_eq!(nothing, Err::<(), _>(Busy));
    assert_eq!(pool.run(|| 1).await, Ok(1));
}

#[tokio::test]
async fn a_pool_that_ends_finishes_what_runs_and_drops_what_waits() {
    let pool = pool(1, 1);
    let (done, ended) = mpsc::channel();
    let (work, begins, end) = blocker();
    let mut running = Box::pin(pool.run(move || {
        work();
        done.send(()).unwrap();
    }));
    assert!(poll!(&mut running).is_pending());
    begins.recv().unwrap();
    let (never, left) = mpsc::channel::<()>();
    let mut waiting = Box::pin(pool.run(move || never.send(()).unwrap()));
    assert!(poll!(&mut waiting).is_pending());
    drop((running, waiting));

    let shared = Arc::clone(&pool.shared);
    end.send(()).unwrap();
    drop(pool);
    ended.try_recv().expect("what ran was finished");
    assert_eq!(left.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert_eq!(Arc::strong_count(&shared), 1, "the thread was joined");
}
