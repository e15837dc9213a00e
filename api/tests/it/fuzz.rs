//! Noise of all kinds, sent to the real service: nothing panics, nothing that a client sends is the server's fault, and
//! no answer shows anything of the inside or of people who are none of the asker's business.
//!
//! Each run tries the same inputs, which follow from `SEED`. `FUZZ_SEED=7` tries others, `FUZZ_TIMES=20` that many times
//! as many; what fails is told with its seed, shrunk to the smallest input that fails.

mod documents;
mod files;
mod frames;
mod requests;
mod tokens;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use tokio::runtime::Runtime;

use crate::app::Answer;

const SEED: u64 = 20_261_125;

/// What is never in an answer, unless the client has sent it.
const INSIDE: [&str; 14] = [
    "INTERNAL_SERVER_ERROR",
    "SELECT ",
    "INSERT INTO",
    "UPDATE \"",
    "constraint",
    "no such table",
    "syntax error at",
    "sqlite",
    "sqlx",
    "sea_orm",
    "DbErr",
    "panicked",
    ".rs:",
    "/tmp/",
];

#[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
fn told(variable: &str, otherwise: u64) -> u64 {
    let told = std::env::var(variable).ok();
    told.map_or(otherwise, |it| it.parse().expect(variable))
}

/// Tries a check on inputs that follow from the seed.
fn all<S: Strategy>(
    cases: u32,
    strategy: &S,
    check: impl AsyncFn(S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Handle::current();
    let seed = told("FUZZ_SEED", SEED);
    let cases = cases * u32::try_from(told("FUZZ_TIMES", 1)).unwrap();
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        max_global_rejects: cases * 20,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let done = runner
        .run(strategy, |input| tokio::task::block_in_place(|| runtime.block_on(check(input))));
    if let Err(error) = done {
        panic!("FUZZ_SEED={seed}: {error}");
    }
}

/// Whether an answer may be given to whoever has sent this.
fn is_clean(answer: &Answer, sent: &str) -> Result<(), TestCaseError> {
    let body = String::from_utf8_lossy(&answer.body);
    if answer.status.as_u16() >= 500 {
        return Err(TestCaseError::fail(format!("{}: {body}", answer.status)));
    }
    says_nothing_of(&body, &INSIDE, sent)
}

fn says_nothing_of(said: &str, secrets: &[&str], sent: &str) -> Result<(), TestCaseError> {
    match secrets.iter().find(|it| said.contains(**it) && !sent.contains(**it)) {
        Some(secret) => Err(TestCaseError::fail(format!("it says {secret:?}: {said}"))),
        None => Ok(()),
    }
}

/// A runtime whose blocking waits are fine.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
