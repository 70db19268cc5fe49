//! How texts of the configuration are spelled, for its JSON Schema: each type is the schema of one form.
//! Nothing is parsed here; whoever reads such a text judges it, and may be stricter than its pattern.

use schemars::JsonSchema;

/// A duration as in Prometheus, its units in this order: `1y2w3d4h5m6s`; a day is 24 hours. No fractions (`1.5d`) and
/// no months (`1M`, `3mo`): months are a cron schedule.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"), example = &"30d", example = &"1h30m")]
pub struct Duration(pub String);

/// A step of a warning ladder: a duration before the end, or a share of the token's lifetime, 1% to 99%.
#[derive(JsonSchema)]
#[schemars(
    extend("pattern" = r"^((?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?|[1-9]\d?%)$"),
    example = &"7d",
    example = &"10%"
)]
pub struct Step(pub String);

/// The base of an issuer: `https://HOST`, with a path if the issuer has one. No user, password, query or fragment.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^https?://(?!.*\$\{)[^/?#@\s]+(/[^?#\s]*)?$"), example = &"https://gitlab.example.com")]
pub struct BaseUrl(pub String);

/// A URL that people or forewarn follow; no user and no password in it.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^https?://(?!.*\$\{)[^/?#@\s]+([/?#]\S*)?$"), example = &"https://wiki.example.com/rotate")]
pub struct Link(pub String);

/// A day, as the start of it in UTC.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"), example = &"2027-03-01")]
pub struct Day(pub String);

/// A day, or an instant as in RFC 3339.
#[derive(JsonSchema)]
#[schemars(
    extend("pattern" = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2}))?$"),
    example = &"2027-03-01",
    example = &"2027-03-01T12:00:00Z"
)]
pub struct Instant(pub String);

/// A day, an instant as in RFC 3339, or `never`.
#[derive(JsonSchema)]
#[schemars(
    extend("pattern" = r"^(never|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2}))?)$"),
    example = &"2027-03-01",
    example = &"never"
)]
pub struct Expires(pub String);

/// Five cron fields: minute, hour, day of month, month, day of week. `MON#1` is the first Monday of a month. Day of month
/// and day of week are never both restricted.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^\s*(\S+\s+\S+\s+[*?]\s+\S+\s+\S+|\S+\s+\S+\s+\S+\s+\S+\s+[*?])\s*$"), example = &"0 10 * * MON#1")]
pub struct Cron(pub String);

/// A time zone by its name in the time-zone database.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"), example = &"Europe/Berlin", example = &"UTC")]
pub struct ZoneName(pub String);

/// A day of the week.
#[derive(JsonSchema)]
#[schemars(extend("enum" = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))]
pub struct Weekday(pub String);

/// A glob: `*` stays within one part of a path, `**` between slashes crosses them, `[ab]` and `{a,b}` as usual. Quote it
/// in YAML.
#[derive(JsonSchema)]
#[schemars(extend("minLength" = 1), example = &"ci-*", example = &"gitlab/platform/**")]
pub struct Glob(pub String);
