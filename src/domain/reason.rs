//! Closed lists of failure reasons; each is also a label value.

use serde::{Deserialize, Serialize};

/// A closed list with one spelling per value, the same in code, metrics, store and documents.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$item_doc])* #[serde(rename = $text)] $item),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$item),+];
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$item => $text),+ }
            }
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$item),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use closed_list;

closed_list! {
    /// Why a poll, a request or an attempt failed; the label `reason` of `forewarn_collector_errors_total`.
    FailureReason {
        LoginRefused = "login_refused",
        Forbidden = "forbidden",
        NotFound = "not_found",
        RateLimited = "rate_limited",
        Http4xx = "http_4xx",
        Http5xx = "http_5xx",
        Timeout = "timeout",
        Connect = "connect",
        Tls = "tls",
        TooLarge = "too_large",
        Decode = "decode",
    }
}

closed_list! {
    /// Why a record could not be understood; the label `reason` of `forewarn_collector_rejects_total`.
    RejectReason {
        NoKey = "no_key",
        DuplicateKey = "duplicate_key",
        BadTime = "bad_time",
        BadField = "bad_field",
        UnknownKind = "unknown_kind",
    }
}

closed_list! {
    /// Why a record is known but not watched; the label `reason` of `forewarn_collector_left_out`.
    LeftOut {
        Ignored = "ignored",
        Person = "person",
        History = "history",
        OverLimit = "over_limit",
        /// A self-signed root among certificates; `trust_roots: show` brings it back.
        TrustRoot = "trust_root",
    }
}

closed_list! {
    /// What is done to the store; the label `operation` of `forewarn_store_errors_total`.
    StoreOperation {
        Load = "load",
        Commit = "commit",
        Claim = "claim",
        Record = "record",
        Read = "read",
    }
}

closed_list! {
    /// Why judging is held (semantics 11); the label `reason` of `forewarn_evaluation_held`.
    HoldReason {
        Clock = "clock",
        MassChange = "mass_change",
    }
}

/// A record that could not be understood, counted and dropped; the others of its page live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    pub reason: RejectReason,
    /// What was wrong, without the value of any field.
    pub detail: super::text::Text,
}
