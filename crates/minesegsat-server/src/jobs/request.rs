//! What clients order: checked when it is ordered, and read again from the list when it is done.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use minesegsat::register::SiteId;
use serde::{Deserialize, Serialize};

use super::Job;
use crate::options::ServerOptions;
use crate::place::{area_km2, bbox_of};
use crate::problem::Problem;
use crate::remote;
use crate::snapshot::Snapshot;

/// Cloud over a scene that is looked at, in percent, where nothing is said.
const USUAL_CLOUD: f64 = 40.0;

/// Body of `POST /api/predict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictOrder {
    bbox: Vec<f64>,
    from: Date,
    to: Date,
    max_cloud: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalogue: Option<String>,
}

/// Body of `POST /api/monitor`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonitorOrder {
    sites: Option<Vec<SiteId>>,
    since: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalogue: Option<String>,
}

/// A map of a box that was ordered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PredictRequest {
    /// Name for its folder in `predictions/`, the same each time that the job is done.
    pub name: String,
    /// West, south, east, north; west is greater than east across the antimeridian.
    pub bbox: [f64; 4],
    /// First day of a scene.
    pub from: Date,
    /// Last day of a scene.
    pub to: Date,
    /// Most cloud over a scene, in percent.
    pub max_cloud_cover_percent: f64,
    /// The catalogue to search, on a host that the server was told; its own where it is `None`.
    pub catalogue: Option<String>,
}

/// A look at sites that was ordered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MonitorRequest {
    /// The sites; all where there are none.
    pub sites: Vec<SiteId>,
    /// Earliest day of a scene.
    pub since: Option<Date>,
    /// The catalogue to search, on a host that the server was told; its own where it is `None`.
    pub catalogue: Option<String>,
}

impl PredictOrder {
    pub(crate) fn check(&self, options: &ServerOptions) -> Result<(), Problem> {
        let bbox = bbox_of(&self.bbox)?;
        let area = area_km2(bbox);
        let most = options.limits.bbox_km2;
        if area > most || area <= 0.0 {
            let accepted = format!("a box of more than nothing and at most {most} km2; this one has {area:.0} km2");
            return Err(Problem::argument("bbox", &format!("{:?}", self.bbox), &accepted));
        }
        if self.from > self.to {
            let given = format!("{}/{}", self.from, self.to);
            return Err(Problem::argument("from/to", &given, "days of which `from` is not after `to`"));
        }
        if let Some(cloud) = self.max_cloud
            && !(0.0..=100.0).contains(&cloud)
        {
            return Err(Problem::argument("max_cloud", &cloud.to_string(), "0 to 100 percent"));
        }
        check_catalogue(self.catalogue.as_deref(), options)
    }
}

impl MonitorOrder {
    pub(crate) fn check(&self, options: &ServerOptions, snapshot: &Snapshot) -> Result<(), Problem> {
        let sites = self.sites.as_deref().unwrap_or_default();
        if sites.len() > options.limits.sites_per_job {
            let accepted = format!("at most {}", options.limits.sites_per_job);
            return Err(Problem::argument("number of sites", &sites.len().to_string(), &accepted));
        }
        for site in sites {
            if snapshot.find(site).is_none() {
                return Err(Problem::argument("site", site.as_str(), "the ids of sites that `/api/sites` lists"));
            }
        }
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        if let Some(since) = self.since.filter(|since| *since > today) {
            return Err(Problem::argument("since", &since.to_string(), "a day that is not in the future"));
        }
        check_catalogue(self.catalogue.as_deref(), options)
    }
}

fn check_catalogue(catalogue: Option<&str>, options: &ServerOptions) -> Result<(), Problem> {
    catalogue.map_or(Ok(()), |url| remote::checked(url, &options.remote_hosts).map(drop))
}

impl PredictRequest {
    pub(super) fn of_job(job: &Job) -> Result<Self, serde_json::Error> {
        let order: PredictOrder = serde_json::from_value(job.request.clone())?;
        let bbox = bbox_of(&order.bbox).map_err(|problem| serde::de::Error::custom(problem.detail))?;
        let short = job.id.get(..8).unwrap_or(&job.id);
        Ok(Self {
            name: format!("{}-{}-{short}", order.from, order.to),
            bbox,
            from: order.from,
            to: order.to,
            max_cloud_cover_percent: order.max_cloud.unwrap_or(USUAL_CLOUD),
            catalogue: order.catalogue,
        })
    }
}

impl MonitorRequest {
    pub(super) fn of_job(job: &Job) -> Result<Self, serde_json::Error> {
        let order: MonitorOrder = serde_json::from_value(job.request.clone())?;
        Ok(Self { sites: order.sites.unwrap_or_default(), since: order.since, catalogue: order.catalogue })
    }
}
