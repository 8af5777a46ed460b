//! Requests of jobs: checked when a client sends them, and read from the list of jobs when the job starts.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use minesegsat_watch::register::SiteId;
use serde::{Deserialize, Serialize};

use super::Job;
use crate::options::ServerOptions;
use crate::problem::Problem;
use crate::remote;
use crate::snapshot::Snapshot;
use crate::spatial_filter::{area_km2, check_bbox};

/// Default maximum cloud cover of a scene, in percent.
const DEFAULT_MAX_CLOUD: f64 = 40.0;

/// Body of `POST /api/predict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictBody {
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
pub(crate) struct MonitorBody {
    sites: Option<Vec<SiteId>>,
    since: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalogue: Option<String>,
}

/// Request to map a box.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PredictRequest {
    /// Suggested folder name in `predictions/`. Equal in every run of the job.
    pub name: String,
    /// West, south, east, north. West is greater than east across the antimeridian.
    pub bbox: [f64; 4],
    /// First date of the search.
    pub from: Date,
    /// Last date of the search.
    pub to: Date,
    /// Maximum cloud cover of a scene, in percent.
    pub max_cloud_cover_percent: f64,
    /// URL of the catalogue to search, on a host that the server allows. Default: the server's catalogue.
    pub catalogue: Option<String>,
}

/// Request to check sites.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MonitorRequest {
    /// Sites to check. Empty means all sites.
    pub sites: Vec<SiteId>,
    /// Earliest date of a scene.
    pub since: Option<Date>,
    /// URL of the catalogue to search, on a host that the server allows. Default: the server's catalogue.
    pub catalogue: Option<String>,
}

impl PredictBody {
    pub(crate) fn check(&self, options: &ServerOptions) -> Result<(), Problem> {
        let bbox = check_bbox(&self.bbox)?;
        let area = area_km2(bbox);
        let most = options.limits.bbox_km2;
        if area > most || area <= 0.0 {
            let accepted = format!("an area above 0 and at most {most} km2; this box has {area:.0} km2");
            return Err(Problem::argument("bbox", &format!("{:?}", self.bbox), &accepted));
        }
        if self.from > self.to {
            let given = format!("{}/{}", self.from, self.to);
            return Err(Problem::argument("from/to", &given, "dates where `from` is not after `to`"));
        }
        if let Some(cloud) = self.max_cloud
            && !(0.0..=100.0).contains(&cloud)
        {
            return Err(Problem::argument("max_cloud", &cloud.to_string(), "0 to 100 percent"));
        }
        check_catalogue(self.catalogue.as_deref(), options)
    }
}

impl MonitorBody {
    pub(crate) fn check(&self, options: &ServerOptions, snapshot: &Snapshot) -> Result<(), Problem> {
        let sites = self.sites.as_deref().unwrap_or_default();
        if sites.len() > options.limits.sites_per_job {
            let accepted = format!("at most {}", options.limits.sites_per_job);
            return Err(Problem::argument("number of sites", &sites.len().to_string(), &accepted));
        }
        for site in sites {
            if snapshot.find(site).is_none() {
                return Err(Problem::argument("site", site.as_str(), "ids of `/api/sites`"));
            }
        }
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        if let Some(since) = self.since.filter(|since| *since > today) {
            return Err(Problem::argument("since", &since.to_string(), "a date that is not in the future"));
        }
        check_catalogue(self.catalogue.as_deref(), options)
    }
}

fn check_catalogue(catalogue: Option<&str>, options: &ServerOptions) -> Result<(), Problem> {
    catalogue.map_or(Ok(()), |url| remote::parse_catalogue_url(url, &options.remote_hosts).map(drop))
}

impl PredictRequest {
    pub(super) fn from_job(job: &Job) -> Result<Self, serde_json::Error> {
        let body: PredictBody = serde_json::from_value(job.request.clone())?;
        let bbox = check_bbox(&body.bbox).map_err(|problem| serde::de::Error::custom(problem.detail))?;
        let short = job.id.get(..8).unwrap_or(&job.id);
        Ok(Self {
            name: format!("{}-{}-{short}", body.from, body.to),
            bbox,
            from: body.from,
            to: body.to,
            max_cloud_cover_percent: body.max_cloud.unwrap_or(DEFAULT_MAX_CLOUD),
            catalogue: body.catalogue,
        })
    }
}

impl MonitorRequest {
    pub(super) fn from_job(job: &Job) -> Result<Self, serde_json::Error> {
        let body: MonitorBody = serde_json::from_value(job.request.clone())?;
        Ok(Self { sites: body.sites.unwrap_or_default(), since: body.since, catalogue: body.catalogue })
    }
}
