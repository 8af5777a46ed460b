//! Options that avoid an error.

/// An option that would avoid an error. The library does not know command lines: the program translates this value into
/// the flag that users type, as a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// Accept a vector file that states that it is incomplete.
    AllowIncomplete,
    /// Estimate without the sample points that have no reference class yet.
    AllowMissing,
    /// Names of the bands, in the order of the file.
    Bands,
    /// Names of the classes of a map, or classes to leave out.
    Classes,
    /// Column of a table with a meaning: the name of its field in `minesegsat_watch::register::Fields`, such as `valid_from`.
    Column(&'static str),
    /// CRS of the label coordinates.
    LabelsCrs,
    /// Layer of a vector file.
    Layer,
    /// Meaning of the values in mask files.
    MaskValues,
    /// Maximum cloud cover of a scene, in percent.
    MaxCloudCover,
    /// Minimum share of pixels with data in a patch.
    MinData,
    /// Merge a large area although units are not mapped.
    MissingUnits,
    /// Radiometric offset of a scene.
    Offset,
    /// File with the reference classes of sample points.
    Reference,
    /// Pay for reading from requester-pays buckets.
    RequesterPays,
    /// Radiometric scale of a scene.
    Scale,
    /// Limits of a catalogue search.
    SearchLimits,
    /// Leave out patches with mines.
    SkipMines,
    /// Exchange x and y of label coordinates.
    SwapAxes,
    /// MGRS tile of a product with several tiles.
    Tile,
    /// Put all polygons of one id together.
    Unite,
    /// Take changes into what exists already.
    Update,
    /// First day of permits without one in the file.
    ValidFrom,
}
