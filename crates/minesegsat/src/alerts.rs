//! Telling somebody: webhooks, mail and files, each finding once.
//!
//! - [`findings_of`] says what is new in an observation, beside the earlier ones of its site: a [`Finding`] is news, not a
//!   state. What merely goes on is not found again.
//! - [`out_of_sight`] says so where there is not even a scene to observe.
//! - [`record`] stores findings and who is to hear of them, inside the transaction that stores the observation: both are
//!   there or neither is, whenever the run was killed. A finding has a key, so that a run repeated does not double it.
//! - [`deliver`] sends what is due, through the channels of an [`AlertConfig`], and marks a delivery as done only once the
//!   receiver said so. A run killed in between sends again: each alert arrives at least once, and its id, which repeats
//!   have too, lets a receiver drop them.
//! - A delivery that fails is tried again, with pauses that double up to six hours; after [`ATTEMPTS`] attempts, which take
//!   three days or more, it is dead. It stays, with the last error: [`list`] shows it, [`revive`] makes it due again.
//!
//! The schedule counts attempts and not time, so neither a machine that slept for a week nor a clock that jumped ahead
//! uses it up. Secrets stand in the environment or in files; no error, log or table has them.

mod config;
mod deliver;
mod file;
mod finding;
mod mail;
mod out_of_sight;
mod outbox;
mod secret;
mod webhook;

#[cfg(test)]
mod tests;

pub use self::config::AlertConfig;
pub use self::deliver::{ATTEMPTS, DeliveryReport, deliver};
pub use self::finding::{Finding, FindingKind, Rules, findings_of};
pub use self::out_of_sight::out_of_sight;
pub use self::outbox::{Delivery, DeliveryState, list, record, revive};

/// Tables of alerts in a register, for its migrations. Times are seconds since 1970 in UTC.
///
/// Neither table refers to that of sites: what was told to whom stays when a site is removed.
pub const SCHEMA: &str = "
CREATE TABLE alert_findings (
    -- Made from the key: the same in every register.
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    date TEXT NOT NULL,
    -- The finding as JSON.
    finding TEXT NOT NULL,
    recorded_s INTEGER NOT NULL
);
CREATE TABLE alert_deliveries (
    alert TEXT NOT NULL REFERENCES alert_findings (id) ON DELETE CASCADE,
    -- Name in the configuration.
    channel TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Refusals since the last attempt that was none.
    refusals INTEGER NOT NULL DEFAULT 0,
    next_attempt_s INTEGER NOT NULL,
    last_error TEXT,
    delivered_s INTEGER,
    dead_since_s INTEGER,
    PRIMARY KEY (alert, channel)
);
CREATE INDEX alert_deliveries_pending ON alert_deliveries (channel, attempts)
    WHERE delivered_s IS NULL AND dead_since_s IS NULL;
";
