//! How an episode closes once its finding is gone: the last two columns of the table of semantics 8. Knows nothing of
//! routes and messages.

use super::episodes::Happened;
use crate::domain::episode::{Closing, Episode};
use crate::domain::finding::{Finding, FindingKind};

use FindingKind as Kind;

const ENDED: [Kind; 3] = [Kind::Expired, Kind::Revoked, Kind::Vanished];

/// The reason. What the slot itself did comes before what another finding hides, and that before configuration.
pub fn how(episode: &Episode, found: &[Finding], happened: &Happened) -> Closing {
    let kind = episode.kind;
    if let Some(leaves) = happened.leaves {
        return leaves;
    }
    if happened.rotated && allows(kind, Closing::Rotated) {
        return Closing::Rotated;
    }
    if happened.removed && allows(kind, Closing::Removed) {
        return Closing::Removed;
    }
    let hidden = found.iter().any(|finding| hides(finding.kind, kind));
    if hidden || (happened.collector_failing && hides(Kind::CollectorFailing, kind)) {
        return Closing::Superseded;
    }
    if happened.reconfigured {
        // Its runs were moved, so that none of them breaks: good news to whoever was told.
        let moved = kind == Kind::BreaksDeploy && happened.still_runs;
        return if moved { Closing::Fixed } else { Closing::Reclassified };
    }
    if happened.extended && allows(kind, Closing::Extended) {
        return Closing::Extended;
    }
    if happened.returned && allows(kind, Closing::Recovered) {
        return Closing::Recovered;
    }
    by_itself(kind)
}

/// Closings that are told to nobody (semantics 9.3).
pub fn silent(how: Closing) -> bool {
    matches!(how, Closing::Superseded | Closing::Reclassified)
}

/// Column "not raised while": `open` is the finding that hides `kind`.
fn hides(open: Kind, kind: Kind) -> bool {
    if ENDED.contains(&open) {
        // Of the ended three a better explanation replaces another.
        return !matches!(kind, Kind::NotInjected | Kind::OldGenerationAlive | Kind::Unowned | Kind::CollectorFailing)
            && kind != Kind::ChannelFailing
            && kind != open;
    }
    matches!(
        (open, kind),
        (Kind::BreaksDeploy, Kind::ExpiresSoon)
            | (Kind::ExpiresSoon | Kind::BreaksDeploy, Kind::ExpiresBeforeRotation)
            | (Kind::RotationMissed, Kind::RotationDue)
            | (Kind::NotInjected, Kind::OldGenerationAlive)
            | (Kind::Unmanaged, Kind::Unowned)
            | (Kind::CollectorFailing, Kind::Unverified)
    )
}

/// Column "closes".
fn allows(kind: Kind, how: Closing) -> bool {
    use Closing::{Extended, Fixed, Recovered, Removed, Rotated};
    let allowed: &[Closing] = match kind {
        Kind::ExpiresSoon | Kind::ExpiresBeforeRotation => &[Rotated, Extended],
        Kind::BreaksDeploy => &[Rotated, Extended, Fixed],
        Kind::Expired => &[Rotated, Extended, Recovered],
        Kind::Revoked | Kind::Vanished => &[Rotated, Recovered],
        Kind::RotationDue | Kind::RotationMissed => &[Rotated],
        Kind::NeverExpires | Kind::TooLongLived | Kind::OverScoped | Kind::TiedToPerson => &[Rotated, Fixed],
        Kind::NotInjected
        | Kind::OldGenerationAlive
        | Kind::Unmanaged
        | Kind::Unowned
        | Kind::StaticCopy
        | Kind::Reused => &[Fixed],
        Kind::Unused => &[Fixed, Removed],
        Kind::Unverified | Kind::CollectorFailing | Kind::ChannelFailing => &[Recovered],
    };
    allowed.contains(&how)
}

/// Nothing in particular happened and the finding is gone all the same.
fn by_itself(kind: Kind) -> Closing {
    match kind {
        Kind::RotationDue | Kind::RotationMissed => Closing::Rotated,
        // No later expiry was told: nothing good has happened that could be said (an end that nobody could read).
        Kind::ExpiresSoon | Kind::ExpiresBeforeRotation | Kind::BreaksDeploy => Closing::Superseded,
        kind if allows(kind, Closing::Recovered) => Closing::Recovered,
        _ => Closing::Fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_8_a_finding_closes_only_as_its_row_allows() {
        for &kind in Kind::ALL {
            let how = by_itself(kind);
            assert!(allows(kind, how) || silent(how), "{kind}");
        }
    }

    #[test]
    fn rule_8_not_raised_while() {
        let hidden_by_ended: Vec<_> = Kind::ALL.iter().filter(|&&kind| hides(Kind::Expired, kind)).collect();
        assert_eq!(
            hidden_by_ended.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "),
            "expires_soon expires_before_rotation breaks_deploy revoked vanished rotation_due rotation_missed \
             never_expires too_long_lived unused over_scoped unmanaged static_copy unverified tied_to_person reused"
        );
        for &kind in Kind::ALL {
            assert!(!hides(kind, kind), "{kind} does not hide itself");
        }
    }
}
