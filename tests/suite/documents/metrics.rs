//! docs/metrics.md: every family of `/metrics`, from a page that has them all; when each is present is said here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use forewarn::domain::At;
use forewarn::domain::collector::CollectorStatus;
use forewarn::domain::finding::{FindingKind, Severity, TokenState};
use forewarn::domain::key::{ChannelId, CollectorId};
use forewarn::domain::reason::{FailureReason, LeftOut};
use forewarn::show::exposition::aggregates::{Undone, render_collectors, render_delivery};

use super::fresh_part;
use crate::shipped::{Family, everything, own, page, parse};

/// When a family is on the page, where that is not always. `forewarn_` is left out.
const PRESENT: &[(&str, &str)] = &[
    ("token_info", "per token"),
    ("token_expiry_timestamp_seconds", "per token whose expiry is known"),
    ("token_never_expires", "per token whose issuer says so"),
    ("token_issued_timestamp_seconds", "where known, and `also: [issued]`"),
    ("token_last_used_timestamp_seconds", "where the issuer tells it, and `also: [last_used]`"),
    ("token_rotation_due_timestamp_seconds", "per token with a schedule"),
    ("token_deadline_timestamp_seconds", "per token with any deadline"),
    ("token_finding", "per open finding; only at 1"),
    ("token_pipeline_info", "per token and pipeline"),
    ("tokens", "always, every state"),
    ("findings", "every finding and severity under `team=\"\"`, else what is not zero"),
    ("pipeline_safe_until_timestamp_seconds", "per pipeline, if a token of it has an end; `+Inf` if all never end"),
    ("pipeline_next_run_timestamp_seconds", "per pipeline with `runs`"),
    ("pipeline_state", "per pipeline, every state"),
    ("pipeline_tokens", "per pipeline"),
    ("collector_info", "per collector"),
    ("collector_up", "per collector; 0 until the first success"),
    ("collector_interval_seconds", "per collector"),
    ("collector_last_success_timestamp_seconds", "after the first success, kept over restarts"),
    ("collector_last_duration_seconds", "after the first poll"),
    ("collector_tokens", "after the first success"),
    ("collector_coverage_ratio", "after the first success"),
    ("collector_requests_total", "as they occur"),
    ("collector_errors_total", "per collector, every reason"),
    ("collector_rejects_total", "per collector, every reason"),
    ("collector_left_out", "per collector, every reason"),
    ("collector_clock_difference_seconds", "where the issuer sends a date"),
    ("collector_ratelimit_remaining", "where the issuer tells it"),
    ("evaluation_held", "always, every reason"),
    ("deliveries", "per channel, every state"),
    ("delivery_attempts_total", "per channel, every class"),
    ("delivery_oldest_due_timestamp_seconds", "per channel, while something is due and not delivered"),
    ("channel_up", "per channel; 1 until proved otherwise"),
    ("store_errors_total", "always, every operation"),
    ("task_restarts_total", "as they occur"),
];
/// Present while all is well too; what is in neither list has not been thought about.
const ALWAYS: &[&str] = &[
    "metrics_narrowed",
    "evaluation_last_success_timestamp_seconds",
    "config_last_reload_successful",
    "config_last_reload_success_timestamp_seconds",
    "build_info",
];

/// Families that only a server under way would have.
fn under_way() -> String {
    let mut status = CollectorStatus::new(CollectorId::from("vault"), "vault".into(), 900, None);
    (status.clock_difference, status.ratelimit_remaining) = (Some(1), Some(5_000));
    let mut out = String::new();
    render_collectors(&mut out, &[status], &|_| 0);
    let chat = ChannelId::from("chat");
    let undone = Undone { oldest_due: [(chat.clone(), At::UNIX_EPOCH)].into(), ..Undone::default() };
    render_delivery(&mut out, &[(chat, None)], &undone);
    out
}

fn words(all: impl IntoIterator<Item = &'static str>) -> String {
    all.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn generated_metrics_are_fresh() {
    let mut families: BTreeMap<String, Family> = parse(&under_way());
    families.extend(parse(&page(&everything(), &own())));
    families.retain(|name, _| name.starts_with("forewarn_"));
    let mut out = String::from("| family | type | labels | present | what it tells |\n|---|---|---|---|---|\n");
    let known: Vec<&str> = PRESENT.iter().map(|(name, _)| *name).chain(ALWAYS.iter().copied()).collect();
    for name in families.keys() {
        let short = name.strip_prefix("forewarn_").unwrap();
        assert!(known.contains(&short), "when is {name} present? Say it in tests/suite/documents/metrics.rs");
    }
    for short in known {
        let Some(family) = families.get(&format!("forewarn_{short}")) else { continue };
        let present = PRESENT.iter().find(|(name, _)| *name == short).map_or("always", |(_, present)| *present);
        let labels: BTreeSet<&str> =
            family.samples.iter().flat_map(|(labels, _)| labels.keys().map(String::as_str)).collect();
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            out,
            "| `forewarn_{short}` | {} | {} | {present} | {} |",
            family.kind,
            labels.join(", "),
            family.help.replace('|', "\\|")
        );
    }
    out += "\n## Closed lists\n\n| label | values |\n|---|---|\n";
    let lists = [
        ("`state` of a token", words(TokenState::ALL.iter().map(|state| state.as_str()))),
        ("`finding`", words(FindingKind::ALL.iter().map(|kind| kind.as_str()))),
        ("`severity`", words(Severity::ALL.iter().map(|severity| severity.as_str()))),
        ("`reason` of an error", words(FailureReason::ALL.iter().map(|reason| reason.as_str()))),
        ("`reason` of what is left out", words(LeftOut::ALL.iter().map(|reason| reason.as_str()))),
    ];
    for (label, words) in lists {
        let _ = writeln!(out, "| {label} | {words} |");
    }
    fresh_part("docs/metrics.md", &out);
}
