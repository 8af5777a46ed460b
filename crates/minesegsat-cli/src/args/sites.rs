//! Arguments of `minesegsat sites`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::{
    Crs,
    labels::Filter,
    register::{AreaUnit, Fields, ImportOptions, SiteId, SiteStatus, Verdict},
};

use super::Bbox;

#[derive(Debug, Subcommand)]
pub(crate) enum SitesCommand {
    /// Add a site, and a version of its permit if you like.
    Add(Box<SitesAddArgs>),
    /// Change a site.
    Edit(Box<SitesEditArgs>),
    /// Add a version of a permit to a site.
    Permit(Box<SitesPermitArgs>),
    /// Take sites and permits from a GeoPackage, Shapefile, GeoJSON, FlatGeobuf, GeoParquet or CSV file.
    Import(Box<SitesImportArgs>),
    /// List the sites with their limits and what was last seen there.
    List(SitesListArgs),
    /// Print everything on a site.
    Show(SitesShowArgs),
    /// Remove a site with its permits, or a permit.
    Remove(SitesRemoveArgs),
    /// Write sites and permits to a file; with `--observations` what was seen there, too.
    Export(SitesExportArgs),
}

/// Where the register is.
#[derive(Debug, Args)]
pub(crate) struct RegisterArg {
    /// The register of sites, a GeoPackage [default: `MINESEGSAT_REGISTER`, or else `sites.gpkg` in this folder].
    #[arg(long, value_name = "FILE.gpkg")]
    register: Option<PathBuf>,
}

impl RegisterArg {
    /// Its path.
    pub(crate) fn path(&self) -> PathBuf {
        let of_environment =
            || std::env::var_os("MINESEGSAT_REGISTER").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.register.clone().or_else(of_environment).unwrap_or_else(|| "sites.gpkg".into())
    }
}

/// Where a site is.
#[derive(Debug, Args)]
pub(crate) struct BoundaryArgs {
    /// Its boundary: the polygons of a GeoPackage, Shapefile, GeoJSON, FlatGeobuf or GeoParquet file, all together.
    #[arg(long, value_name = "FILE", conflicts_with = "bbox")]
    pub boundary: Option<PathBuf>,

    /// Layer of that file, where there are several.
    #[arg(long, value_name = "NAME", requires = "boundary")]
    pub layer: Option<String>,

    /// Only polygons of that file for which this holds: `NAME = Wolverine`.
    #[arg(long = "where", value_name = "EXPRESSION", requires = "boundary")]
    pub filter: Option<Filter>,

    /// Its boundary as a box: west,south,east,north in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    pub bbox: Option<Bbox>,
}

#[derive(Debug, Args)]
pub(crate) struct SitesAddArgs {
    /// Id of the site, which also names its files: lower-case letters, digits, `-`, `_`, `.`.
    pub id: SiteId,

    /// Name for people [default: the id].
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Who runs it.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// What is mined.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// What goes on there: active, planned, suspended, closed, reclaimed.
    #[arg(long, value_name = "STATUS", default_value_t)]
    pub status: SiteStatus,

    #[command(flatten)]
    pub place: BoundaryArgs,

    /// Number of its permit.
    #[arg(long, value_name = "NUMBER", requires = "valid_from")]
    pub permit: Option<String>,

    #[command(flatten)]
    pub terms: TermsArgs,

    #[command(flatten)]
    pub register: RegisterArg,
}

/// What a permit says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Permit")]
pub(crate) struct TermsArgs {
    /// First day on which it holds: 2024-01-01.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub valid_from: Option<jiff::civil::Date>,

    /// Last day on which it holds [default: open].
    #[arg(long, value_name = "DATE", value_parser = date, requires = "valid_from")]
    pub valid_to: Option<jiff::civil::Date>,

    /// How much land may be disturbed, with a unit: `120 ha`, `1.2 km2`.
    #[arg(long, value_name = "AREA", value_parser = limit, allow_hyphen_values = true, requires = "valid_from")]
    pub limit: Option<f64>,

    /// Where land may be disturbed: the polygons of a file, all together [default: the site's boundary].
    #[arg(long, value_name = "FILE", requires = "valid_from")]
    pub permit_boundary: Option<PathBuf>,

    /// The document that says so: a file, whose hash is kept, or an address.
    #[arg(long, value_name = "FILE|URL", requires = "valid_from")]
    pub document: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SitesEditArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Name for people.
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Who runs it.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// What is mined.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// What goes on there: active, planned, suspended, closed, reclaimed.
    #[arg(long, value_name = "STATUS")]
    pub status: Option<SiteStatus>,

    #[command(flatten)]
    pub place: BoundaryArgs,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesPermitArgs {
    /// Id of the site.
    pub id: SiteId,

    /// Number or name of the permit.
    pub number: String,

    #[command(flatten)]
    pub terms: TermsArgs,

    /// End the open-ended version before on the day before this one begins.
    #[arg(long)]
    pub supersede: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesImportArgs {
    /// GeoPackage, Shapefile (.shp, or a .zip with one), GeoJSON, FlatGeobuf, GeoParquet, or a table (.csv, .tsv) with a
    /// polygon as `wkt`, or `longitude`, `latitude` and `radius_m`.
    pub file: PathBuf,

    /// Layer of a GeoPackage, or shapefile of a zip archive, where there are several.
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,

    /// Only rows for which this holds: `COUNTRY_NAME = Canada and AREA > 1`.
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub filter: Option<Filter>,

    /// The CRS of the coordinates, where the file does not say it or is wrong: `EPSG:4326`.
    #[arg(long, alias = "labels-crs", value_name = "EPSG:CODE", value_parser = super::labels::crs)]
    pub crs: Option<Crs>,

    /// Exchange x and y, for files that have latitudes before longitudes.
    #[arg(long)]
    pub swap_axes: bool,

    /// Column of ids; without ids they are made of names.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub id_field: Option<String>,

    /// Column of names.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub name_field: Option<String>,

    /// Column of operators.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub operator_field: Option<String>,

    /// Column of what is mined.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub commodity_field: Option<String>,

    /// Column of what goes on there: active, planned, suspended, closed, reclaimed.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub status_field: Option<String>,

    /// Column of numbers of permits.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub permit_field: Option<String>,

    /// Column of limits: an area with a unit, or a number in `--limit-unit` or in the unit that the column's name ends with.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub limit_field: Option<String>,

    /// Unit of limits that state none: ha, km2, m2, acre.
    #[arg(long, value_name = "UNIT", help_heading = "Columns")]
    pub limit_unit: Option<AreaUnit>,

    /// Column of the first day of a permit.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub valid_from_field: Option<String>,

    /// Column of the last day of a permit.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub valid_to_field: Option<String>,

    /// Column of documents of permits: files beside this one, or addresses.
    #[arg(long, value_name = "NAME", help_heading = "Columns")]
    pub document_field: Option<String>,

    /// Take only columns that are named here, instead of guessing by common names.
    #[arg(long, help_heading = "Columns")]
    pub no_guess: bool,

    /// Operator of sites that the file has none for.
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,

    /// Commodity of sites that the file has none for.
    #[arg(long, value_name = "TEXT")]
    pub commodity: Option<String>,

    /// Status of sites that the file has none for [default: active].
    #[arg(long, value_name = "STATUS")]
    pub status: Option<SiteStatus>,

    /// First day of permits that the file has none for: 2024-01-01.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub valid_from: Option<jiff::civil::Date>,

    /// Make each polygon the polygon of a permit, too, of the row's permit number or else its id.
    #[arg(long)]
    pub as_permits: bool,

    /// Make one site of all polygons of one id.
    #[arg(long)]
    pub unite: bool,

    /// Take changes into sites that are in the register already.
    #[arg(long)]
    pub update: bool,

    /// Leave out rows that cannot be taken, instead of taking none.
    #[arg(long)]
    pub skip_invalid: bool,

    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

impl SitesImportArgs {
    /// What the flags say.
    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            layer: self.layer.clone(),
            filter: self.filter.clone(),
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
    /// Only sites whose last verdict is one of these: within, possible-exceedance, exceeded, not-assessable, no-limit.
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

    /// Remove only the versions of this permit.
    #[arg(long, value_name = "NUMBER", conflicts_with = "force")]
    pub permit: Option<String>,

    /// Of that permit only the version that holds from this day on.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "permit")]
    pub valid_from: Option<jiff::civil::Date>,

    /// Remove observations with the site. Their files stay.
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Args)]
pub(crate) struct SitesExportArgs {
    /// File to write: `.geojson`, `.gpkg` (a register again) or `.csv` (which `sites import` reads).
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Write all observations, too; of a `.csv` instead of sites and permits.
    #[arg(long)]
    pub observations: bool,

    /// Replace an existing output.
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub register: RegisterArg,
}

pub(crate) fn date(text: &str) -> Result<jiff::civil::Date, String> {
    let day = || text.parse().ok().filter(|_| text.len() == 10);
    day().ok_or_else(|| "expected a day such as 2024-05-31".to_owned())
}

fn limit(text: &str) -> Result<f64, String> {
    AreaUnit::parse_ha(text, None).map_err(|error| error.to_string())
}
