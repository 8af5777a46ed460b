//! Arguments of `minesegsat sites`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::{
    Crs,
    labels::Filter,
    register::{AreaUnit, Fields, ImportOptions, SiteId, SiteStatus, Verdict},
    values::DecimalMark,
};

use super::{Bbox, IncompleteArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum SitesCommand {
    /// Add a site, optionally with a permit.
    Add(Box<SitesAddArgs>),
    /// Edit the attributes or the boundary of a site.
    Edit(Box<SitesEditArgs>),
    /// Add a permit, or a new version of one, to a site.
    Permit(Box<SitesPermitArgs>),
    /// Import sites and permits from a GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf, GeoParquet or CSV file.
    Import(Box<SitesImportArgs>),
    /// List the sites with their limits and latest observations.
    List(SitesListArgs),
    /// Show all details of a site.
    Show(SitesShowArgs),
    /// Remove a site with its permits, or one permit.
    Remove(SitesRemoveArgs),
    /// Export all sites and permits to a file, or the disturbed land of one site.
    Export(SitesExportArgs),
}

/// The path of the register.
#[derive(Debug, Args)]
pub(crate) struct RegisterArg {
    /// Register of sites, a GeoPackage [default: the MINESEGSAT_REGISTER environment variable, else `sites.gpkg` in the
    /// current folder].
    #[arg(long, value_name = "FILE.gpkg")]
    register: Option<PathBuf>,
}

impl RegisterArg {
    /// Path of the register: from the option, the environment variable or the default.
    pub(crate) fn path(&self) -> PathBuf {
        let from_environment =
            || std::env::var_os("MINESEGSAT_REGISTER").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.register.clone().or_else(from_environment).unwrap_or_else(|| "sites.gpkg".into())
    }
}

/// The boundary of a site.
#[derive(Debug, Args)]
pub(crate) struct BoundaryArgs {
    /// Boundary: the polygons of a GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf or GeoParquet file, also zipped, merged.
    #[arg(long, value_name = "FILE", conflicts_with = "bbox")]
    pub boundary: Option<PathBuf>,

    /// Layer of the boundary file, if it has several.
    #[arg(long, value_name = "NAME", requires = "boundary")]
    pub layer: Option<String>,

    /// Use only polygons of the boundary file that match this filter (CQL2 text): `NAME = 'Wolverine'`.
    #[arg(long = "where", value_name = "EXPRESSION", requires = "boundary")]
    pub filter: Option<Filter>,

    /// Boundary as a box: west,south,east,north in degrees. A box with west > east crosses the antimeridian.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    pub bbox: Option<Bbox>,
}

#[derive(Debug, Args)]
pub(crate) struct SitesAddArgs {
    /// Id of the site, also used in file names: lower-case letters, digits, `-`, `_`, `.`.
    pub id: SiteId,

    /// Display name [default: the id].
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Operator of the mine.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// Commodity that is mined.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// Status: active, planned, suspended, closed or reclaimed.
    #[arg(long, value_name = "STATUS", default_value_t)]
    pub status: SiteStatus,

    #[command(flatten)]
    pub boundary: BoundaryArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// Permit number; needs `--valid-from`.
    #[arg(long, value_name = "NUMBER", requires = "valid_from")]
    pub permit: Option<String>,

    #[command(flatten)]
    pub terms: TermsArgs,

    #[command(flatten)]
    pub register: RegisterArg,
}

/// Terms of a permit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Permit")]
pub(crate) struct TermsArgs {
    /// First day on which the permit is valid: 2024-01-01.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub valid_from: Option<jiff::civil::Date>,

    /// Last day on which the permit is valid [default: open-ended].
    #[arg(long, value_name = "DATE", value_parser = date, requires = "valid_from")]
    pub valid_to: Option<jiff::civil::Date>,

    /// Limit: the area that may be disturbed, with a unit: `120 ha`, `1.2 km2`.
    #[arg(long, value_name = "AREA", value_parser = limit, allow_hyphen_values = true, requires = "valid_from")]
    pub limit: Option<f64>,

    /// Permitted land: the polygons of a file, merged [default: the site's boundary].
    #[arg(long, value_name = "FILE", requires = "valid_from")]
    pub permit_boundary: Option<PathBuf>,

    /// Permit document: a file, whose SHA-256 is stored, or a URL.
    #[arg(long, value_name = "FILE|URL", requires = "valid_from")]
    pub document: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SitesEditArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Display name.
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Operator of the mine; an empty text removes it.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// Commodity that is mined; an empty text removes it.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// Status: active, planned, suspended, closed or reclaimed.
    #[arg(long, value_name = "STATUS")]
    pub status: Option<SiteStatus>,

    #[command(flatten)]
    pub boundary: BoundaryArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesPermitArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Permit number or name.
    pub number: String,

    #[command(flatten)]
    pub terms: TermsArgs,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,

    /// End the previous open-ended version on the day before this one begins.
    #[arg(long)]
    pub supersede: bool,

    /// Store the permit even if verdicts of stored observations change.
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesImportArgs {
    /// File to import: GeoPackage, Shapefile (.shp), GeoJSON, FlatGeobuf, GeoParquet, KML, a .zip or .kmz with one, or a
    /// table (.csv, .tsv). A table needs a column `wkt` with polygons, or `longitude`, `latitude` and `radius_m`.
    pub file: PathBuf,

    /// Layer of a GeoPackage, or Shapefile in a zip archive, if there are several.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Import only rows that match this filter (CQL2 text): `COUNTRY_NAME = 'Canada' and AREA > 1`.
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub filter: Option<Filter>,

    /// Accept a file that states that it is incomplete, such as an answer that a server cut off.
    #[arg(long)]
    pub allow_incomplete: bool,

    /// CRS of the coordinates, if the file states none or a wrong one: `EPSG:4326`.
    #[arg(long, alias = "labels-crs", value_name = "EPSG:CODE", value_parser = super::labels::crs)]
    pub crs: Option<Crs>,

    /// Swap x and y, for files with latitude before longitude.
    #[arg(long)]
    pub swap_axes: bool,

    /// Column with the ids. Without ids in the file, they are made from the names.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub id_field: Option<String>,

    /// Column with the names.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub name_field: Option<String>,

    /// Column with the operators.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub operator_field: Option<String>,

    /// Column with the commodities.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub commodity_field: Option<String>,

    /// Column with the statuses: active, planned, suspended, closed or reclaimed.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub status_field: Option<String>,

    /// Column with the permit numbers.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub permit_field: Option<String>,

    /// Column with the limits: an area with a unit, or a number in `--limit-unit` or in the unit at the end of the
    /// column's name.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub limit_field: Option<String>,

    /// Unit of limits that state none: ha, km2, m2 or acre.
    #[arg(long, value_name = "UNIT", help_heading = "Columns")]
    pub limit_unit: Option<AreaUnit>,

    /// Decimal mark of limits and radii in texts: `.` or `,` [default: the mark that other numbers of the column show].
    #[arg(long, value_name = "MARK", help_heading = "Columns")]
    pub decimal_mark: Option<DecimalMark>,

    /// Column with the first day of the permit.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub valid_from_field: Option<String>,

    /// Column with the last day of the permit.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub valid_to_field: Option<String>,

    /// Column with the permit documents: files relative to this file, or URLs.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub document_field: Option<String>,

    /// Use only the columns named by options; do not guess them by common names.
    #[arg(long, help_heading = "Columns")]
    pub no_guess: bool,

    /// Operator of sites without one in the file.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// Commodity of sites without one in the file.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// Status of sites without one in the file [default: active].
    #[arg(long, value_name = "STATUS")]
    pub status: Option<SiteStatus>,

    /// First day of permits without one in the file: 2024-01-01.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub valid_from: Option<jiff::civil::Date>,

    /// Also use each polygon as a permit polygon. The permit's number is the row's permit number, else the row's id.
    #[arg(long)]
    pub as_permits: bool,

    /// Merge polygons with the same id into one site.
    #[arg(long)]
    pub unite: bool,

    /// Update sites that are already in the register.
    #[arg(long)]
    pub update: bool,

    /// Skip invalid rows. Without this option, one invalid row stops the import.
    #[arg(long)]
    pub skip_invalid: bool,

    /// Report what would be imported, and change nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Import even if verdicts of stored observations change.
    #[arg(long)]
    pub force: bool,

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

impl SitesImportArgs {
    /// The import options of the command line.
    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            layer: self.layer.clone(),
            filter: self.filter.clone(),
            allow_incomplete: self.allow_incomplete,
            crs: self.crs.clone(),
            swap_axes: self.swap_axes,
            fields: Fields {
                id: self.id_field.clone(),
                name: self.name_field.clone(),
                operator: self.operator_field.clone(),
                commodity: self.commodity_field.clone(),
                status: self.status_field.clone(),
                permit: self.permit_field.clone(),
                limit: self.limit_field.clone(),
                valid_from: self.valid_from_field.clone(),
                valid_to: self.valid_to_field.clone(),
                document: self.document_field.clone(),
            },
            no_guess: self.no_guess,
            limit_unit: self.limit_unit,
            decimal_mark: self.decimal_mark,
            operator: self.operator.clone(),
            commodity: self.commodity.clone(),
            status: self.status,
            valid_from: self.valid_from,
            as_permits: self.as_permits,
            unite: self.unite,
            update: self.update,
            skip_invalid: self.skip_invalid,
            dry_run: self.dry_run,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SitesListArgs {
    /// Only sites whose latest verdict is one of these: within, possible-exceedance, exceeded, not-assessable,
    /// no-limit.
    #[arg(long, value_delimiter = ',', value_name = "VERDICT,...")]
    pub verdict: Vec<Verdict>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesShowArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesRemoveArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Remove only this permit, with all its versions.
    #[arg(long, value_name = "NUMBER")]
    pub permit: Option<String>,

    /// Remove only the version of the permit that begins on this day.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "permit")]
    pub valid_from: Option<jiff::civil::Date>,

    /// Remove the site even if it has observations, and remove the observations too. Their files stay. With `--permit`: remove the
    /// permit even if verdicts of stored observations change.
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesExportArgs {
    /// Export the disturbed land of this site: a polygon for each piece of land on each date, with gain and loss. Without it, all sites
    /// and permits are exported.
    #[arg(value_name = "SITE")]
    pub site: Option<SiteId>,

    /// Output file. All sites: `.geojson`, `.gpkg` (again a register) or `.csv` (can be imported with `sites import`). Land of a site:
    /// `.gpkg`, `.geojson`, `.zip` (Shapefile), `.kml`, `.csv` (table of observations) or `.xlsx`.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Also export all observations. A `.csv` file then has the observations instead of sites and permits.
    #[arg(long, conflicts_with = "site")]
    pub observations: bool,

    /// Replace an existing output.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

pub(crate) fn date(text: &str) -> Result<jiff::civil::Date, String> {
    let day = || text.parse().ok().filter(|_| text.len() == 10);
    day().ok_or_else(|| "expected a date such as 2024-05-31".to_owned())
}

fn limit(text: &str) -> Result<f64, String> {
    let ha = AreaUnit::parse_ha(text, None).map_err(|error| error.to_string())?;
    if text.contains(',') {
        return Err(format!("numbers have a decimal point here; write `{ha} ha`"));
    }
    Ok(ha)
}
