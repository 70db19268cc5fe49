//! Whether a channel can be reached, without sending anything to anybody: for `check-config --online`.
//!
//! A webhook is known to take messages only by posting one, so all that is learnt of it is that its host answers.

use url::Url;

use super::{Channel, SendCx, answer, email};
use crate::base::http::{Request, send};
use crate::base::secret::read;
use crate::domain::delivery::SendError;

impl Channel {
    /// What it is called in the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Channel::Slack(_) => "slack",
            Channel::Email(_) => "email",
            Channel::Webhook(_) => "webhook",
            Channel::Stdout => "stdout",
        }
    }
    /// A sentence on what was reached and what that does not prove; no secret.
    pub async fn probe(&self, cx: &SendCx) -> Result<String, SendError> {
        match self {
            Channel::Slack(section) => {
                let url = read::read(&section.webhook_url).map_err(|error| answer::no_secret(&error))?;
                let url = Url::parse(url.expose().trim()).map_err(|_| answer::unusable("the secret is no URL"))?;
                host(&url, cx).await
            }
            Channel::Webhook(config) => {
                if let Some(secret) = &config.secret {
                    read::read(secret).map_err(|error| answer::no_secret(&error))?;
                }
                host(&config.url, cx).await
            }
            Channel::Email(config) => email::probe(config).await,
            Channel::Stdout => Ok("standard output: nothing to reach".into()),
        }
    }
}

/// `HEAD /` of the host alone: the path of a webhook may be its secret, and asking it might count as a message.
async fn host(url: &Url, cx: &SendCx) -> Result<String, SendError> {
    let origin = url.origin().ascii_serialization();
    let root = Url::parse(&origin).map_err(|_| answer::unusable("the URL has no host"))?;
    let request = Request { method: "HEAD".into(), ..Request::get(root) };
    let sent = send::send(&cx.client.clone().hide_paths(), request, &cx.clock).await;
    sent.map_err(|failure| answer::unanswered(&failure, answer::Idempotent::Yes))?;
    Ok(format!("{origin} answers; whether it takes messages shows only by sending one"))
}
