//! The next ninety days, as a picture needs them: how many deadlines on which day, for what reason. Pure.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};

use super::filter::Filter;
use super::shapes::{Day, Days};
use crate::domain::At;
use crate::domain::finding::{DeadlineReason, TokenState};
use crate::judge::world::World;

/// Days shown, the present one among them.
pub const DAYS: i64 = 90;

#[derive(Default)]
struct Sum {
    tokens: usize,
    reasons: BTreeMap<DeadlineReason, usize>,
    state: Option<TokenState>,
}

impl Days {
    /// Days with a deadline, from the start of today.
    pub fn of(world: &World, filter: &Filter, now: At) -> Self {
        let asking = filter.within(world);
        let first = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let end = first + TimeDelta::days(DAYS);
        let mut sums: BTreeMap<At, Sum> = BTreeMap::new();
        world.watched(&mut |token, standing| {
            let Some((at, reason)) = standing.deadline.filter(|(at, _)| first <= *at && *at < end) else { return };
            if asking.fits(token, standing) {
                let day = at.date_naive().and_time(NaiveTime::MIN).and_utc();
                let sum = sums.entry(day).or_default();
                sum.tokens += 1;
                *sum.reasons.entry(reason).or_default() += 1;
                // States are listed from the worst on.
                sum.state = Some(sum.state.map_or(standing.state, |known| known.min(standing.state)));
            }
        });
        let day = |(at, sum): (At, Sum)| Day {
            at,
            tokens: sum.tokens,
            reasons: sum.reasons.into_iter().collect(),
            state: sum.state,
        };
        Self { now, first, end, days: sums.into_iter().map(day).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn deadlines_are_counted_on_their_day_from_today_on() {
        let days = Days::of(&sample::world(), &Filter::default(), sample::now());
        let say = |day: &Day| format!("{} {} {:?} {:?}", day.at.format("%-d %b"), day.tokens, day.reasons, day.state);
        let rows: Vec<_> = days.days.iter().map(say).collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
        24 Nov 1 [(Ended, 1)] Some(Revoked)
        1 Dec 1 [(Expiry, 1)] Some(Ending)
        "#);
        assert_eq!((days.end - days.first).num_days(), DAYS);
        for day in &days.days {
            let filter = Filter::words(&[format!("day={}", day.at.format("%Y-%m-%d"))]).unwrap();
            let listed = super::super::shapes::Tokens::of(
                &sample::world(),
                &filter,
                super::super::tokens::Paging::ALL,
                sample::now(),
            );
            assert_eq!(listed.matching, day.tokens, "the figure leads to the list of that day");
        }
    }
}
