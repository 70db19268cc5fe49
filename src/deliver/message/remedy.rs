//! What to do about a finding, one sentence each, and the links that help.
//!
//! Says only what follows from the kind, the reason and the definition's own sentence; no issuer is known here by name.

use super::{Span, why};
use crate::domain::delivery::{Facts, Intent};
use crate::domain::finding::{FindingKind, Why};
use crate::domain::observation::Doubt;
use crate::domain::reason::FailureReason;

/// The line `Do`.
pub fn line(intent: &Intent) -> Vec<Span> {
    let mut spans = vec![Span::Plain(sentence(intent))];
    let facts = &intent.facts;
    let links = [
        ("how to".to_owned(), facts.runbook.as_deref()),
        (format!("open in {}", why::issuer(facts)), facts.link.as_ref().map(|link| link.as_str())),
    ];
    for (text, url) in links {
        if let Some(url) = url.filter(|url| is_web(url)) {
            spans.push(Span::Plain(" · ".into()));
            spans.push(Span::Link { text, url: url.into() });
        }
    }
    spans
}

/// Links are strangers' text: only web addresses that cannot break out of a link.
pub fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\'' | '`' | '|' | '\\'))
}

fn sentence(intent: &Intent) -> String {
    let facts = &intent.facts;
    let why = &intent.episode.finding.why;
    match intent.episode.kind {
        FindingKind::ExpiresSoon
        | FindingKind::ExpiresBeforeRotation
        | FindingKind::BreaksDeploy
        | FindingKind::RotationDue
        | FindingKind::RotationMissed => rotate(facts),
        FindingKind::Expired | FindingKind::Revoked | FindingKind::Vanished => {
            with_how("issue a new one and replace it wherever it is used, or hold the run", facts)
        }
        FindingKind::NotInjected => "put the new value where the old one is still used, then revoke the old one".into(),
        FindingKind::OldGenerationAlive => old_alive(why),
        FindingKind::NeverExpires => {
            with_how("issue one that ends, or write a dated exception (policy, `allow`)", facts)
        }
        FindingKind::TooLongLived => with_how("issue one with a shorter life, or write a dated exception", facts),
        FindingKind::Unused if matches!(why, Why::IdleRemoval { .. }) => "use it before then, or remove it".into(),
        FindingKind::Unused => "remove it if nothing needs it".into(),
        FindingKind::OverScoped => {
            with_how("issue one with fewer scopes, or widen `scopes.allow` in its policy", facts)
        }
        FindingKind::Unmanaged => "write a policy that matches it, or let its collector ignore it".into(),
        FindingKind::Unowned => unowned(why),
        FindingKind::StaticCopy => "let the pipeline fetch it when it runs, or issue short-lived ones".into(),
        FindingKind::Unverified => unverified(why, facts),
        FindingKind::TiedToPerson => with_how("give the pipeline a token of a machine account", facts),
        FindingKind::Reused => "issue one token for each use".into(),
        FindingKind::CollectorFailing => collector(why).into(),
        FindingKind::ChannelFailing => {
            "look at its address, its secret and its receiver; waiting messages go out by themselves then".into()
        }
    }
}

fn rotate(facts: &Facts) -> String {
    if facts.own_login {
        return with_how("replace the login of this collector. No reload needed", facts);
    }
    with_how("rotate it, then replace it wherever it is used", facts)
}

/// With the definition's own sentence about rotating, where there is one.
fn with_how(what: &str, facts: &Facts) -> String {
    match facts.rotate.as_str().trim() {
        "" => what.into(),
        how => format!("{what}. {how}"),
    }
}

fn old_alive(why: &Why) -> String {
    let revoke = "revoke the old value once nothing uses it";
    match why {
        Why::OlderAlive { count: 2.., .. } => {
            format!("{revoke}. If these are tokens of their own under one name, set `slots: id` on the collector")
        }
        _ => revoke.into(),
    }
}

fn unowned(why: &Why) -> String {
    match why {
        Why::NoRoute => "add a route that takes critical findings of it".into(),
        _ => "name its team in a policy".into(),
    }
}

fn unverified(why: &Why, facts: &Facts) -> String {
    match why {
        Why::Doubt { doubt: Doubt::NeverActive } => {
            "look whether the right value lies there, and which issuer it belongs to".into()
        }
        Why::Doubt { doubt: Doubt::OutOfSight } => {
            "look whether the new login still sees it, or remove it from the configuration".into()
        }
        Why::Doubt { doubt: Doubt::UseLimited } => "watch it by an inventory, or declare its end".into(),
        Why::Doubt { doubt: Doubt::Unreadable } => "watch it as `jwt` if it is one, or declare its end".into(),
        _ => format!("look at collector {}", facts.collector.as_deref().unwrap_or_else(|| why::issuer(facts))),
    }
}

fn collector(why: &Why) -> &'static str {
    let reason = match why {
        Why::Login { reason, .. } | Why::Unread { reason, .. } | Why::Partial { reason, .. } => *reason,
        _ => return "look at the collector's page",
    };
    match reason {
        FailureReason::LoginRefused => "replace the login. No reload needed",
        FailureReason::Forbidden => "give the login the right it lacks, or narrow the inventory",
        FailureReason::NotFound => "look at the collector's URL and inventory",
        FailureReason::RateLimited => "poll less often, or let others ask less",
        FailureReason::Http4xx => "look at the collector's URL and login",
        FailureReason::Http5xx => "look at the issuer; nothing can be read before it answers",
        FailureReason::Timeout => "look at the issuer and the way to it, or raise `timeout`",
        FailureReason::Connect => "look at the issuer's address, its name and the way to it",
        FailureReason::Tls => "look at the issuer's certificate and `tls.ca_file`",
        FailureReason::TooLarge => "narrow the inventory",
        FailureReason::Decode => "look whether the URL is the issuer's, and not a proxy's or a login page's",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_become_links() {
        for good in ["https://wiki.example.com/rotate?a=b&c=d#e", "http://localhost:8080/x"] {
            assert!(is_web(good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://a b",
            "https://a|b",
            "https://a>b",
            "https://a\nb",
            "https://ä.example",
            "data:text/html,x",
            "https://a\"onclick",
            "HTTPS//x",
            "",
        ] {
            assert!(!is_web(bad), "{bad}");
        }
    }
}
