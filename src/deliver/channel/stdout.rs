//! One line a message on standard output: `09:42:01 warning   examples/watch-me expires …`.
//!
//! For a list one line an item. A reader that went away is no failure: nobody is left to tell.

use std::io::{ErrorKind, Write};

use schemars::JsonSchema;
use serde::Deserialize;

use super::fit;
use crate::deliver::message::{Message, OneLiner};
use crate::domain::At;
use crate::domain::delivery::{Class, Receipt, SendError};
use crate::domain::reason::FailureReason;

/// Standard output; it has no keys: `{}`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stdout")]
pub struct Section {}

/// The lines, each ended.
pub fn payload(message: &Message, now: At) -> String {
    message.one_liners.iter().map(|line| written(line, now)).collect()
}

fn written(line: &OneLiner, now: At) -> String {
    format!("{} {:<9} {}\n", now.format("%H:%M:%S"), line.severity.as_str(), fit::inert(&line.text))
}

/// Writes under the lock, so that lines of several deliveries do not mix.
pub async fn send(body: &str) -> Result<Receipt, SendError> {
    let body = body.to_owned();
    let written = tokio::task::spawn_blocking(move || write(&mut std::io::stdout().lock(), &body)).await;
    match written {
        Ok(Ok(())) => Ok(Receipt { evidence: "written".into() }),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("the process is stopping")),
    }
}

fn failed(detail: &str) -> SendError {
    SendError { class: Class::Retry, reason: FailureReason::Connect, after: None, suspect: None, detail: detail.into() }
}

fn write(out: &mut impl Write, body: &str) -> std::io::Result<()> {
    match out.write_all(body.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(ErrorKind);
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_success_and_a_full_disk_is_not() {
        assert!(write(&mut Closed(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(write(&mut Closed(ErrorKind::StorageFull), "x").is_err());
    }
}
