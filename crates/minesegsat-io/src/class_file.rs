//! The file beside a raster of classes with what TIFF cannot hold: names of the classes, and colours with opacity.

use std::fmt::Write;
use std::path::Path;

use minesegsat_core::Result;

/// Writes names and colours (red, green, blue) of the classes 0, 1, 2 and so on, for the raster whose name `path` continues with
/// `.aux.xml`. GDAL, and programs that use it such as QGIS, read it with the raster.
///
/// Class 0 is transparent: nothing is there, and the
/// map below stays visible. Names must not contain `<` and `&`.
pub fn write_class_file(path: &Path, names: &[&str], palette: &[[u8; 3]]) -> Result<()> {
    let mut xml = String::from("<PAMDataset>\n  <PAMRasterBand band=\"1\">\n    <CategoryNames>\n");
    // Writing into a String cannot fail.
    for name in names {
        let _ = writeln!(xml, "      <Category>{name}</Category>");
    }
    xml.push_str("    </CategoryNames>\n    <ColorTable>\n");
    for (class, [red, green, blue]) in palette.iter().enumerate() {
        let opacity = if class == 0 { 0 } else { u8::MAX };
        let _ = writeln!(xml, "      <Entry c1=\"{red}\" c2=\"{green}\" c3=\"{blue}\" c4=\"{opacity}\"/>");
    }
    xml.push_str("    </ColorTable>\n  </PAMRasterBand>\n</PAMDataset>\n");
    fs_err::write(path, xml)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_0_is_transparent_and_all_classes_have_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.tif.aux.xml");
        write_class_file(&path, &["Not disturbed", "Disturbed"], &[[24, 24, 24], [227, 26, 28]]).unwrap();
        let xml = std::fs::read_to_string(&path).unwrap();
        for part in [
            "<Category>Not disturbed</Category>\n      <Category>Disturbed</Category>",
            "<Entry c1=\"24\" c2=\"24\" c3=\"24\" c4=\"0\"/>\n      <Entry c1=\"227\" c2=\"26\" c3=\"28\" c4=\"255\"/>",
        ] {
            assert!(xml.contains(part), "{xml}");
        }
    }
}
