//! Alerts by webhook, mail and file. Each finding is reported as provisional, and once more when dates confirm or withdraw it.
//!
//! - [`findings_of`] compares an observation with the earlier ones of its site. A [`Finding`] is a change, not a state: a
//!   state that continues is not reported again.
//! - [`out_of_sight`] reports a site without any new scene.
//! - [`record`] stores findings and their deliveries in the transaction that stores the observation. Both are stored or
//!   neither is, even if the run is killed. Each finding has a key, so a repeated run stores no duplicate.
//! - [`deliver`] sends due deliveries through the channels of an [`AlertConfig`]: one message per finding by webhook and file, one
//!   mail with all findings of a channel. A delivery is marked as done only after the receiver confirmed it. A run killed in between
//!   sends it again, so each alert arrives at least once. Repeats have the same id, so a receiver can drop them.
//! - [`Sites`] tells names and pictures of sites, for mails.
//! - A failed delivery is retried with pauses that double up to six hours. After [`ATTEMPTS`] attempts, which take three days
//!   or more, it is dead. It is kept with its last error: [`list`] shows it, [`revive`] makes it due again.
//!
//! The schedule counts attempts, not time, so a machine that sleeps for a week or a clock that jumps ahead does not use it
//! up. Secrets are read from the environment or from files. They never appear in errors, logs or tables.

mod claims;
mod config;
mod deliver;
mod file;
mod finding;
mod letter;
mod mail;
mod out_of_sight;
mod outbox;
mod secret;
mod sites;
mod webhook;
mod wording;

#[cfg(test)]
mod tests;

pub use self::claims::Standing;
pub use self::config::AlertConfig;
pub use self::deliver::{ATTEMPTS, DeliveryReport, deliver, test};
pub use self::finding::{Finding, FindingKind, Rules, findings_of, standing_of};
pub use self::out_of_sight::out_of_sight;
pub use self::outbox::{Delivery, DeliveryState, hasten, list, record, revive};
pub use self::sites::{Sites, Thumbnail};
