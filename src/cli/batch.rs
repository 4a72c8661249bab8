//! Many pictures at a time. Each worker has threads of its own for what is parallel inside a
//! picture, so that many pictures do not wait for each other, and a few use all cores.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Does `work` on 0 to `count`, on so many threads, and hands what came of each to `done`, in order
/// and as soon as it is known.
///
/// # Errors
/// When the system gives no threads; nothing has been done then.
pub fn in_order<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
    mut done: impl FnMut(usize, T),
) -> Result<()> {
    let workers = threads.min(count);
    if workers <= 1 {
        (0..count).for_each(|i| done(i, work(i)));
        return Ok(());
    }
    let pools = (0..workers)
        .map(|_| pool(threads.div_ceil(workers)))
        .collect::<Result<Vec<_>>>()?;

    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for pool in &pools {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count || sender.send((i, pool.install(|| work(i)))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);

        let mut early = BTreeMap::new();
        let mut expected = 0;
        for (i, outcome) in receiver {
            early.insert(i, outcome);
            while let Some(outcome) = early.remove(&expected) {
                done(expected, outcome);
                expected += 1;
            }
        }
    });
    Ok(())
}

fn pool(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .with_context(|| format!("{threads} more threads"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn outcomes_come_in_order_whichever_is_done_first() {
        for threads in [1, 2, 5, 100] {
            let mut outcomes = Vec::new();
            let work = |i: usize| {
                thread::sleep(Duration::from_millis(7 * (20 - i as u64) % 10));
                i * i
            };
            in_order(20, threads, work, |i, square| outcomes.push((i, square))).unwrap();
            assert_eq!(outcomes, (0..20).map(|i| (i, i * i)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_few_pictures_share_all_threads_and_many_have_one_each() {
        for (count, expected) in [(2, 3), (6, 1), (50, 1)] {
            let work = |_| rayon::current_num_threads();
            in_order(count, 6, work, |_, threads| assert_eq!(threads, expected)).unwrap();
        }
    }
}
