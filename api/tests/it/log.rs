//! Whatever is written to the log is masked, whoever writes it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use api::log::Masked;
use tracing_subscriber::layer::SubscriberExt;

const PHONE: &str = "15911110001";
const NUMBER: &str = "11010519491231002X";
const EMAIL: &str = "neijia@inside.example";

/// Where the log goes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_masks_whatever_is_written() {
    let lines = Lines::default();
    let to = lines.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(Masked(move || to.clone()));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(phone = PHONE, "{NUMBER} of {EMAIL} wrote");
    });
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(written.contains("159****0001") && written.contains("110105********002X"), "{written}");
    assert!([PHONE, NUMBER, EMAIL].iter().all(|it| !written.contains(it)), "{written}");
}
