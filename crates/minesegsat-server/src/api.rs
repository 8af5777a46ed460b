//! Our own API: what the map page reads.

mod about;
mod downloads;
mod jobs;
mod observation;
mod polygons;
mod predictions;
mod sites;
mod timeline;

pub(crate) use self::about::{about, close_session, open_session};
pub(crate) use self::downloads::{evidence, export, report};
pub(crate) use self::jobs::{cancel_job, job, job_events, jobs, order_monitor, order_predict, unreadable};
pub(crate) use self::observation::{OBSERVATION_FILES, Record};
pub(crate) use self::polygons::{Kind, observation_changes, observation_polygons, prediction_polygons, shapes_of};
pub(crate) use self::predictions::predictions;
pub(crate) use self::sites::{site, sites};
pub(crate) use self::timeline::timeline;
