//! What to do about a finding, one sentence each, and the links that help.
//!
//! Says only what follows from the kind, the reason and the definition's own sentence; no issuer is known here by name.

use super::{Span, why, words};
use crate::domain::delivery::{Facts, Intent};
use crate::domain::finding::{FindingKind, Why};
use crate::domain::observation::Doubt;
use crate::domain::reason::FailureReason;

/// Begins the label of the link to the issuer's page.
pub const OPEN: &str = "open in ";

/// The line `Do`.
pub fn line(intent: &Intent) -> Vec<Span> {
    let mut spans = vec![Span::Plain(format!("{}{}", before_freeze(intent), sentence(intent)))];
    let facts = &intent.facts;
    let links = [
        ("how to".to_owned(), facts.runbook.as_deref()),
        (format!("{OPEN}{}", why::issuer(facts)), facts.link.as_ref().map(|link| link.as_str())),
    ];
    for (text, url) in links {
        if let Some(url) = url.filter(|url| is_web(url)) {
            spans.push(Span::Apart);
            spans.push(Span::Link { text, url: url.into() });
        }
    }
    spans
}

/// `before Fri 18 Dec, when "year end" begins: `.
fn before_freeze(intent: &Intent) -> String {
    let at = intent.episode.since;
    match &intent.facts.freeze {
        Some((start, name)) if rotates(intent.episode.kind) => {
            format!("before {}, when \"{name}\" begins: ", words::date(*start, at))
        }
        _ => String::new(),
    }
}

fn rotates(kind: FindingKind) -> bool {
    kind.is_time()
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
            with_how(&format!("issue a new one and {}, or hold the run", replace(facts)), facts)
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
        FindingKind::CollectorFailing => collector(why, facts),
        FindingKind::ChannelFailing => {
            "look at its address, its secret and its receiver; waiting messages go out by themselves then".into()
        }
    }
}

fn rotate(facts: &Facts) -> String {
    if facts.own_login {
        let login = login(facts);
        return with_how(&format!("replace the login{login} of this collector. No reload needed"), facts);
    }
    match how(facts) {
        // The definition's sentence says all of it, in the issuer's own terms.
        Some(how) if facts.copies.is_empty() => uncapital(how),
        Some(how) => format!("{}; then {}", uncapital(how), replace(facts)),
        None => format!("rotate it, then {}", replace(facts)),
    }
}

/// The definition's own sentence about rotating, unless a runbook says it better.
fn how(facts: &Facts) -> Option<&str> {
    let how = facts.rotate.as_str().trim().trim_end_matches('.');
    (!how.is_empty() && facts.runbook.is_none()).then_some(how)
}

/// `Rotate it …` after a lead word; names in capitals stay.
fn uncapital(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// `replace RENOVATE_TOKEN in github example/shop`, `replace its copies (2 known)`, `replace it wherever it is used`.
fn replace(facts: &Facts) -> String {
    match facts.copies.as_slice() {
        [] => "replace it wherever it is used".into(),
        [one] => format!("replace {} in {}", one.name, one.place),
        copies => format!("replace its copies ({} known)", copies.len()),
    }
}

fn with_how(what: &str, facts: &Facts) -> String {
    match how(facts) {
        Some(how) => format!("{what}. {how}"),
        None => what.into(),
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

fn collector(why: &Why, facts: &Facts) -> String {
    let reason = match why {
        Why::Login { reason, .. } | Why::Unread { reason, .. } | Why::Partial { reason, .. } => *reason,
        _ => return "look at the collector's page".into(),
    };
    let login = login(facts);
    let what = match reason {
        FailureReason::LoginRefused => return format!("replace the login{login}. No reload needed"),
        FailureReason::Forbidden => {
            return format!("give the login{login} the right it lacks, or narrow the inventory");
        }
        FailureReason::NotFound => "look at the collector's URL and inventory",
        FailureReason::RateLimited => "poll less often, or let others ask less",
        FailureReason::Http4xx => "look at the collector's URL and login",
        FailureReason::Http5xx => "look at the issuer; nothing can be read before it answers",
        FailureReason::Timeout => "look at the issuer and the way to it, or raise `timeout`",
        FailureReason::Connect => "look at the issuer's address, its name and the way to it",
        FailureReason::Tls => "look at the issuer's certificate and `tls.ca_file`",
        FailureReason::TooLarge => "narrow the inventory",
        FailureReason::Decode => "look whether the URL is the issuer's, and not a proxy's or a login page's",
    };
    what.into()
}

/// ` (file gitlab-read; role Owner, scope read_api)`: where it stands and the first thing that it needs.
fn login(facts: &Facts) -> String {
    let Some((place, least)) = &facts.login else { return String::new() };
    match least.as_str().split(';').next().unwrap_or_default().trim() {
        "" => format!(" ({place})"),
        least => format!(" ({place}; {least})"),
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
