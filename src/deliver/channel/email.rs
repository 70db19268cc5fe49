//! Mail by SMTP: one recipient a delivery, implicit TLS or required STARTTLS, text and HTML parts.
//!
//! Builds the mail from its frozen parts; `mail.rs` says how it looks, `smtp.rs` how it is handed over.

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::{Address, Message as Mail};
use schemars::JsonSchema;
use serde::Deserialize;

use super::mail::{self, Frozen};
use super::smtp::{self, Security, Transaction};
use super::{Outgoing, answer};
use crate::base::secret::{SecretRef, read};
use crate::deliver::message::Message;
use crate::domain::At;
use crate::domain::delivery::{Class, Receipt, SendError};
use crate::domain::key::DeliveryId;
use crate::domain::reason::FailureReason;

/// Mail by SMTP.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Email")]
pub struct Section {
    /// The server: `smtp://HOST:587` (STARTTLS is required) or `smtps://HOST:465` (TLS from the start).
    #[schemars(regex(pattern = r"^smtps?://[^/?#@\s]+/?$"), example = &"smtp://mail.example.com:587")]
    pub smtp: String,
    /// Who logs in there; nobody unless given.
    pub login: Option<LoginSection>,
    /// The sender's address.
    #[schemars(regex(pattern = "@"), example = &"forewarn@example.com")]
    pub from: String,
    /// The recipients' addresses; each gets a mail of its own.
    #[schemars(length(min = 1), inner(regex(pattern = "@")), example = ["ops@example.com"])]
    pub to: Vec<String>,
    /// `none` is for loopback hosts alone.
    #[schemars(extend("enum" = ["required", "none"], "default" = "required"))]
    pub tls: Option<String>,
    /// Roots to trust besides the system's, PEM.
    pub ca_file: Option<std::path::PathBuf>,
}

/// Who logs in to the mail server.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MailLogin")]
pub struct LoginSection {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// A checked section.
#[derive(Clone, Debug)]
pub struct Config {
    host: String,
    port: u16,
    security: Security,
    login: Option<LoginSection>,
    from: Mailbox,
    to: Vec<Mailbox>,
    roots: Vec<Certificate>,
}

type Mistake = (String, String);

/// From its section; every mistake as (path, sentence).
pub fn build(section: &Section) -> Result<Config, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let server = server(section).map_err(|mistake| mistakes.push(mistake)).ok();
    let from = mailbox(&section.from).map_err(|why| mistakes.push(("email.from".into(), why))).ok();
    let mut to = Vec::new();
    for (nth, address) in section.to.iter().enumerate() {
        match mailbox(address) {
            Ok(mailbox) => to.push(mailbox),
            Err(why) => mistakes.push((format!("email.to[{nth}]"), why)),
        }
    }
    if section.to.is_empty() {
        mistakes.push(("email.to".into(), "nobody stands here. Write to: [ops@example.com]".into()));
    }
    let roots = roots(section).map_err(|why| mistakes.push(("email.ca_file".into(), why))).unwrap_or_default();
    match (server, from, mistakes.is_empty()) {
        (Some((host, port, security)), Some(from), true) => {
            Ok(Config { host, port, security, login: section.login.clone(), from, to, roots })
        }
        _ => Err(mistakes),
    }
}

const RIGHT: &str = "Write smtp://HOST:587 (STARTTLS is required) or smtps://HOST:465 (TLS from the start)";

fn server(section: &Section) -> Result<(String, u16, Security), Mistake> {
    let at = |sentence: String| ("email.smtp".to_owned(), sentence);
    let Ok(url) = section.smtp.parse::<url::Url>() else {
        return Err(at(format!("this is not a URL. {RIGHT}")));
    };
    let (port, security) = match url.scheme() {
        "smtp" => (587, Security::StartTls),
        "smtps" => (465, Security::Implicit),
        other => return Err(at(format!("mail is not sent by {other}. {RIGHT}"))),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(at(
            "a user or password stands in this URL (not shown). Write it under login: { username, password }".into(),
        ));
    }
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty());
    let Some(host) = host else {
        return Err(at(format!("this URL names no host. {RIGHT}")));
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(at(format!("nothing may follow host and port. {RIGHT}")));
    }
    let security = security_of(section, security, &host).map_err(|why| ("email.tls".to_owned(), why))?;
    Ok((host, url.port().unwrap_or(port), security))
}

fn security_of(section: &Section, by_scheme: Security, host: &str) -> Result<Security, String> {
    match section.tls.as_deref() {
        None | Some("required") => Ok(by_scheme),
        Some("none") if by_scheme == Security::Implicit => {
            Err("smtps:// is TLS from the start, so `none` contradicts it. Write smtp:// or leave tls out".into())
        }
        Some("none") if is_loopback(host) => Ok(Security::None),
        Some("none") => Err(format!(
            "`none` sends mail in the clear, which is for loopback hosts only; {host} is none. Write `required`"
        )),
        Some(_) => Err("there are two words here: `required` (the default) and `none` (loopback hosts only)".into()),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    address || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    if text.chars().any(char::is_control) {
        return Err("an address is one line".into());
    }
    let right = "Write ops@example.com, or Ops Team <ops@example.com>";
    text.parse().map_err(|_| format!("\"{}\" is not a mail address. {right}", super::fit::inert(text)))
}

fn roots(section: &Section) -> Result<Vec<Certificate>, String> {
    let Some(path) = &section.ca_file else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&pem);
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(format!("{} holds no certificate (PEM)", path.display()));
    }
    let certificate = Certificate::from_pem(&pem).map_err(|_| format!("{} is not readable as PEM", path.display()))?;
    Ok(vec![certificate])
}

impl Config {
    pub fn recipients(&self) -> Vec<String> {
        self.to.iter().map(ToString::to_string).collect()
    }
    /// Read now, so that a rotated file needs no reload.
    fn credentials(&self) -> Result<Option<Credentials>, SendError> {
        let Some(login) = &self.login else { return Ok(None) };
        let password = read::read(&login.password).map_err(|error| answer::no_secret(&error))?;
        Ok(Some(Credentials::new(login.username.clone(), password.expose().to_owned())))
    }
    fn tls(&self) -> Result<Option<TlsParameters>, SendError> {
        if self.security == Security::None {
            return Ok(None);
        }
        let mut builder = TlsParameters::builder(self.host.clone());
        for root in &self.roots {
            builder = builder.add_root_certificate(root.clone());
        }
        builder
            .build()
            .map(Some)
            .map_err(|_| answer::unusable("TLS cannot be set up: the host name or the CA file does not fit"))
    }
}

/// The frozen parts as JSON.
pub fn payload(config: &Config, message: &Message, id: DeliveryId, now: At) -> String {
    let frozen = mail::freeze(message, id, config.from.email.domain(), now);
    serde_json::to_string(&frozen).unwrap_or_default()
}

/// One attempt for one recipient.
pub async fn send(config: &Config, outgoing: &Outgoing<'_>) -> Result<Receipt, SendError> {
    let frozen: Frozen =
        serde_json::from_str(outgoing.body).map_err(|_| unreadable("the stored mail cannot be read"))?;
    let to: Mailbox = outgoing
        .recipient
        .parse()
        .map_err(|_| SendError { class: Class::Recipient, ..unreadable("the recipient is no mail address") })?;
    let mail = build_mail(config, &to, &frozen).ok_or_else(|| unreadable("the stored mail cannot be built"))?;
    let login = config.credentials()?;
    let bytes = mail.formatted();
    smtp::send(Transaction {
        host: &config.host,
        port: config.port,
        security: config.security,
        tls: config.tls()?,
        login,
        from: &config.from.email,
        to: &to.email,
        bytes: &bytes,
    })
    .await
}

/// Reaches the relay and logs in; no mail is begun.
pub async fn probe(config: &Config) -> Result<String, SendError> {
    let from = &config.from.email;
    let login = config.credentials()?;
    let logged_in = login.as_ref().map_or("; no login is configured", |_| ", the login is taken");
    let security = match config.security {
        Security::Implicit => "TLS stands",
        Security::StartTls => "STARTTLS stands",
        Security::None => "reached in the clear",
    };
    smtp::probe(Transaction {
        host: &config.host,
        port: config.port,
        security: config.security,
        tls: config.tls()?,
        login,
        from,
        to: from,
        bytes: &[],
    })
    .await?;
    Ok(format!("{}:{}: {security}{logged_in}; no mail was sent", config.host, config.port))
}

fn unreadable(sentence: &str) -> SendError {
    SendError {
        class: Class::Refused,
        reason: FailureReason::Decode,
        after: None,
        suspect: None,
        detail: sentence.into(),
    }
}

/// Everything from outside goes through lettre's encoding; ids are hexadecimal.
pub(super) fn build_mail(config: &Config, to: &Mailbox, frozen: &Frozen) -> Option<Mail> {
    let mut builder = Mail::builder()
        .from(config.from.clone())
        .to(to.clone())
        .subject(super::fit::header(&frozen.subject))
        .date(frozen.date.into())
        .message_id(Some(frozen.message_id.clone()))
        .header(AutoSubmitted)
        .header(NoAutoResponse)
        .header(ListId::of(&config.from.email));
    if let Some(root) = &frozen.thread {
        builder = builder.in_reply_to(root.clone()).references(root.clone());
    }
    match &frozen.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(frozen.text.clone(), html.clone())),
        None => builder.singlepart(SinglePart::plain(frozen.text.clone())),
    }
    .ok()
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no vacation note answers it.
#[derive(Clone)]
struct AutoSubmitted;
/// `X-Auto-Response-Suppress: All` (MS-OXCMAIL): the same for Exchange.
#[derive(Clone)]
struct NoAutoResponse;
/// `List-Id` (RFC 2919), for filters.
#[derive(Clone)]
struct ListId(String);

impl ListId {
    fn of(from: &Address) -> Self {
        Self(format!("<forewarn.{}>", from.domain()))
    }
}

macro_rules! written_only {
    ($header:ident, $name:literal, $value:expr) => {
        impl Header for $header {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }
            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Err("this header is written, never read".into())
            }
            fn display(&self) -> HeaderValue {
                let value: fn(&$header) -> String = $value;
                HeaderValue::new(Self::name(), value(self))
            }
        }
    };
}

written_only!(AutoSubmitted, "Auto-Submitted", |_| "auto-generated".into());
written_only!(NoAutoResponse, "X-Auto-Response-Suppress", |_| "All".into());
written_only!(ListId, "List-Id", |id| id.0.clone());
