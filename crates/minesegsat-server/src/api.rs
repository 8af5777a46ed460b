//! The API of this server, which the map page uses.

mod about;
mod downloads;
mod edit;
mod jobs;
mod observation;
mod polygons;
mod predictions;
mod sites;
mod timeline;

pub(crate) use self::about::{about, close_session, me, open_session};
pub(crate) use self::downloads::{evidence, export, observation_file, prediction_file, report};
pub(crate) use self::edit::{add_permit, add_site, edit_site, remove_permit, remove_site};
pub(crate) use self::jobs::{cancel_job, job, job_events, jobs, start_monitor, start_predict};
pub(crate) use self::polygons::{observation_changes, observation_polygons, prediction_polygons};
pub(crate) use self::predictions::{predictions, remove_prediction};
pub(crate) use self::sites::{site, sites};
pub(crate) use self::timeline::timeline;
