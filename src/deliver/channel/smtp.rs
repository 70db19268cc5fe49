//! One SMTP transaction, command by command, so that it is known which of them failed (channels.md 1.11, 5.6).
//!
//! Before the final dot nothing was delivered; after it, silence is ambiguous. Knows addresses and bytes, no message.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use crate::domain::delivery::{Class, Receipt, SendError, Suspect};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// Around the whole transaction: lettre's own limit covers connecting only.
const WHOLE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
const QUIT: Duration = Duration::from_secs(2);

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, and nothing without it.
    StartTls,
    /// In the clear; loopback only.
    None,
}

/// One mail for one recipient.
pub struct Transaction<'a> {
    pub host: &'a str,
    pub port: u16,
    pub security: Security,
    /// Needed unless `Security::None`.
    pub tls: Option<TlsParameters>,
    pub login: Option<Credentials>,
    pub from: &'a Address,
    pub to: &'a Address,
    pub bytes: &'a [u8],
}

/// The command in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connect,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The mail is on its way; the answer to the final dot is missing.
    Dot,
}

/// What is known of a failure.
struct Known<'a> {
    code: Option<u16>,
    tls: bool,
    /// The certificate is not one to trust.
    certificate: bool,
    /// Our own side refused: no STARTTLS offered, no common mechanism.
    ours: bool,
    timeout: bool,
    text: &'a str,
}

/// Sends under an outer time limit.
pub async fn send(transaction: Transaction<'_>) -> Result<Receipt, SendError> {
    let stage = Reached::new(Stage::Connect);
    let to = transaction.to.to_string();
    match tokio::time::timeout(WHOLE, steps(&transaction, &stage)).await {
        Ok(Ok(answer)) => Ok(Receipt { evidence: Text::new(&without(&answer, &to)) }),
        Ok(Err(Fault::NotInAscii)) => Err(SendError {
            class: Class::Recipient,
            reason: FailureReason::Decode,
            after: None,
            suspect: None,
            detail: "the address is not ASCII, and the relay offers no SMTPUTF8".into(),
        }),
        Ok(Err(Fault::Smtp(error))) => Err(failed(stage.get(), &known_of(&error, &chain(&error)), &to)),
        Err(_) => Err(failed(stage.get(), &silent(), &to)),
    }
}

fn silent() -> Known<'static> {
    Known { code: None, tls: false, certificate: false, ours: false, timeout: true, text: "no answer in time" }
}

/// How far the conversation got; read after a time limit cut it off.
struct Reached(Mutex<Stage>);

impl Reached {
    fn new(stage: Stage) -> Self {
        Self(Mutex::new(stage))
    }
    fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
    fn get(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the conversation broke off.
enum Fault {
    Smtp(Error),
    /// The relay does not offer SMTPUTF8 (RFC 6531), which this address needs.
    NotInAscii,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Smtp(error)
    }
}

fn is_ascii(address: &Address) -> bool {
    address.user().is_ascii() && address.domain().is_ascii()
}

/// Connects, protects the connection, logs in.
async fn opened(transaction: &Transaction<'_>, stage: &Reached) -> Result<AsyncSmtpConnection, Error> {
    let hello = ClientId::default();
    let wrapped = transaction.tls.clone().filter(|_| transaction.security == Security::Implicit);
    let server = (transaction.host, transaction.port);
    let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &hello, wrapped, None).await?;
    if let (Security::StartTls, Some(tls)) = (transaction.security, transaction.tls.clone()) {
        stage.set(Stage::StartTls);
        connection.starttls(tls, &hello).await?;
    }
    if let Some(login) = &transaction.login {
        stage.set(Stage::Auth);
        connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
    }
    Ok(connection)
}

/// Everything up to the mail itself: the relay is reached, TLS stands, the login is taken.
pub async fn probe(transaction: Transaction<'_>) -> Result<(), SendError> {
    let stage = Reached::new(Stage::Connect);
    let conversation = async {
        let mut connection = opened(&transaction, &stage).await?;
        connection.command(Rset).await?;
        let _ = tokio::time::timeout(QUIT, connection.quit()).await;
        Ok::<(), Error>(())
    };
    match tokio::time::timeout(WHOLE, conversation).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(stage.get(), &known_of(&error, &chain(&error)), &transaction.to.to_string())),
        Err(_) => Err(failed(stage.get(), &silent(), &transaction.to.to_string())),
    }
}

async fn steps(transaction: &Transaction<'_>, stage: &Reached) -> Result<String, Fault> {
    let mut connection = opened(transaction, stage).await?;
    stage.set(Stage::Mail);
    let offered = connection.server_info().supports_feature(Extension::SmtpUtfEight);
    let parameters = match (is_ascii(transaction.from) && is_ascii(transaction.to), offered) {
        (true, _) => Vec::new(),
        (false, true) => vec![MailParameter::SmtpUtfEight],
        (false, false) => return Err(Fault::NotInAscii),
    };
    connection.command(Mail::new(Some(transaction.from.clone()), parameters)).await?;
    stage.set(Stage::Rcpt);
    connection.command(Rcpt::new(transaction.to.clone(), Vec::new())).await?;
    stage.set(Stage::Data);
    connection.command(Data).await?;
    stage.set(Stage::Dot);
    let answer = connection.message(transaction.bytes).await?;
    let evidence = format!("{} {}", answer.code(), answer.first_line().unwrap_or_default());
    // The mail is taken: how the conversation ends no longer matters.
    let _ = tokio::time::timeout(QUIT, connection.quit()).await;
    Ok(evidence)
}

fn known_of<'a>(error: &Error, text: &'a str) -> Known<'a> {
    Known {
        code: error.status().map(u16::from),
        tls: error.is_tls() || handshake(error).is_some(),
        certificate: matches!(handshake(error), Some(rustls::Error::InvalidCertificate(_))),
        ours: error.is_client(),
        timeout: error.is_timeout(),
        text,
    }
}

/// What TLS says; lettre tells it as a lost connection.
fn handshake(error: &Error) -> Option<&rustls::Error> {
    let mut layer: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = layer {
        if let Some(tls) = this.downcast_ref() {
            return Some(tls);
        }
        // An `io::Error` hides what it wraps from `source`.
        layer = match this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    None
}

/// The error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

/// Addresses stay out of logs and stored errors.
fn without(text: &str, address: &str) -> String {
    text.replace(address, "the recipient")
}

fn failed(stage: Stage, known: &Known<'_>, to: &str) -> SendError {
    let during = match stage {
        Stage::Connect => "connecting",
        Stage::StartTls => "STARTTLS",
        Stage::Auth => "AUTH",
        Stage::Mail => "MAIL",
        Stage::Rcpt => "RCPT",
        Stage::Data => "DATA",
        Stage::Dot => "the end of DATA",
    };
    let detail = format!("{during}: {}", without(known.text, to));
    SendError {
        class: class_of(stage, known),
        reason: reason_of(stage, known),
        after: None,
        suspect: suspect(stage, known),
        detail: Text::new(&detail),
    }
}

fn class_of(stage: Stage, known: &Known<'_>) -> Class {
    let Some(code) = known.code else {
        return match stage {
            Stage::Dot => Class::Ambiguous,
            Stage::Connect | Stage::StartTls | Stage::Auth if known.certificate || known.ours => Class::Broken,
            _ => Class::Retry,
        };
    };
    if (400..500).contains(&code) {
        return Class::Retry;
    }
    let enhanced = enhanced(known.text);
    let size = code == 552 || matches!(enhanced, Some((5, 3, 4) | (5, 2, 3)));
    match stage {
        Stage::Connect | Stage::StartTls | Stage::Auth => Class::Broken,
        Stage::Mail if size => Class::Refused,
        Stage::Mail => Class::Broken,
        // The relay, not the mailbox: every recipient would fare alike.
        Stage::Rcpt if code == 530 => Class::Broken,
        Stage::Rcpt => Class::Recipient,
        Stage::Data | Stage::Dot => Class::Refused,
    }
}

/// A policy speaks of a recipient or a message, and of the relay only if it says the same of several recipients.
fn suspect(stage: Stage, known: &Known<'_>) -> Option<Suspect> {
    let about = matches!(stage, Stage::Rcpt | Stage::Data | Stage::Dot);
    let policy = known.code.is_some_and(|code| code >= 500) && matches!(enhanced(known.text), Some((5, 7, _)));
    (about && policy).then_some(Suspect::Policy)
}

fn reason_of(stage: Stage, known: &Known<'_>) -> FailureReason {
    match (stage, known.code) {
        (Stage::Auth, Some(500..)) => FailureReason::LoginRefused,
        (_, Some(500..)) => FailureReason::Http4xx,
        (_, Some(_)) => FailureReason::Http5xx,
        (Stage::Auth, None) if known.ours => FailureReason::LoginRefused,
        (Stage::StartTls, None) if known.ours => FailureReason::Tls,
        (_, None) if known.tls => FailureReason::Tls,
        (_, None) if known.timeout => FailureReason::Timeout,
        (_, None) => FailureReason::Connect,
    }
}

/// The first enhanced status code (RFC 3463) in an answer: `5.7.1`.
fn enhanced(text: &str) -> Option<(u8, u16, u16)> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
        let mut parts = word.split('.');
        let class: u8 = parts.next()?.parse().ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        let (subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some((class, subject, detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(stage: Stage, code: u16, text: &str) -> Class {
        class_of(stage, &Known { code: Some(code), tls: false, certificate: false, ours: false, timeout: false, text })
    }
    fn silent(stage: Stage, certificate: bool, ours: bool) -> Class {
        class_of(stage, &Known { code: None, tls: certificate, certificate, ours, timeout: false, text: "" })
    }

    #[test]
    fn each_answer_has_its_class_by_the_command_that_got_it() {
        let table = [
            (Stage::Connect, 421, "", Class::Retry),
            (Stage::Connect, 554, "", Class::Broken),
            (Stage::StartTls, 454, "", Class::Retry),
            (Stage::Auth, 454, "", Class::Retry),
            (Stage::Auth, 535, "5.7.8 bad", Class::Broken),
            (Stage::Auth, 530, "", Class::Broken),
            (Stage::Mail, 451, "", Class::Retry),
            (Stage::Mail, 552, "", Class::Refused),
            (Stage::Mail, 550, "5.3.4 too big", Class::Refused),
            (Stage::Mail, 550, "5.7.1 sender", Class::Broken),
            (Stage::Rcpt, 450, "4.2.0 greylisted", Class::Retry),
            (Stage::Rcpt, 452, "", Class::Retry),
            (Stage::Rcpt, 550, "5.1.1 no such user", Class::Recipient),
            (Stage::Rcpt, 553, "", Class::Recipient),
            (Stage::Rcpt, 551, "", Class::Recipient),
            (Stage::Rcpt, 550, "5.7.1 relaying denied", Class::Recipient),
            (Stage::Rcpt, 530, "", Class::Broken),
            (Stage::Data, 451, "", Class::Retry),
            (Stage::Data, 554, "", Class::Refused),
            (Stage::Dot, 452, "", Class::Retry),
            (Stage::Dot, 554, "5.6.0 content", Class::Refused),
            (Stage::Dot, 552, "", Class::Refused),
        ];
        for (stage, code, text, expected) in table {
            assert_eq!(class(stage, code, text), expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn a_policy_makes_the_relay_suspect_and_a_mailbox_does_not() {
        let table = [
            (Stage::Rcpt, 550, "5.7.1 relaying denied", true),
            (Stage::Data, 554, "5.7.0 policy", true),
            (Stage::Dot, 550, "5.7.26 unauthenticated", true),
            (Stage::Dot, 554, "5.6.0 content", false),
            (Stage::Dot, 451, "4.7.1 later", false),
            (Stage::Rcpt, 550, "5.1.1 no such user", false),
            (Stage::Auth, 535, "5.7.8 bad", false),
        ];
        for (stage, code, text, suspected) in table {
            let known = Known { code: Some(code), tls: false, certificate: false, ours: false, timeout: false, text };
            assert_eq!(suspect(stage, &known).is_some(), suspected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn silence_is_ambiguous_only_after_the_mail_left() {
        for stage in [Stage::Connect, Stage::StartTls, Stage::Auth, Stage::Mail, Stage::Rcpt, Stage::Data] {
            assert_eq!(silent(stage, false, false), Class::Retry, "{stage:?}");
        }
        assert_eq!(silent(Stage::Dot, false, false), Class::Ambiguous);
        assert_eq!(silent(Stage::Connect, true, false), Class::Broken);
        assert_eq!(silent(Stage::StartTls, false, true), Class::Broken);
        assert_eq!(silent(Stage::Auth, false, true), Class::Broken);
    }

    #[test]
    fn enhanced_codes_are_found_where_they_stand() {
        assert_eq!(enhanced("permanent error (550): 5.1.1 <x> unknown"), Some((5, 1, 1)));
        assert_eq!(enhanced("from 10.1.2.3 refused"), None);
        assert_eq!(enhanced("queued"), None);
    }

    #[test]
    fn addresses_stay_out_of_errors() {
        let known = Known {
            code: Some(550),
            tls: false,
            certificate: false,
            ours: false,
            timeout: false,
            text: "550 <ops@example.com> unknown",
        };
        assert_eq!(failed(Stage::Rcpt, &known, "ops@example.com").detail.as_str(), "RCPT: 550 <the recipient> unknown");
    }
}
