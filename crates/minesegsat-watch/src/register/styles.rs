//! How QGIS draws the layers of a register, and how people edit them there: colours, names, lists of values, and rules with
//! messages. They are stored in the register, in the table that QGIS reads styles from.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use minesegsat_core::Result;
use minesegsat_vector::vector::gpkg;

use super::schema::sql_error;

/// Layers and their styles: QML documents of QGIS 3.22.
const STYLES: [(&str, &str); 3] = [
    ("sites", include_str!("styles/sites.qml")),
    ("permits", include_str!("styles/permits.qml")),
    ("sites_latest", include_str!("styles/sites_latest.qml")),
];

/// Adds the styles to a register without a table of styles. If there is one, it stays as it is: a person may have changed it.
pub(super) fn add(database: &mut Connection, path: &Path) -> Result<()> {
    let sql = sql_error(path);
    if has_table(database).map_err(&sql)? {
        return Ok(());
    }
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
    // Another process may have added it in the meantime.
    if !has_table(&transaction).map_err(&sql)? {
        transaction.execute_batch(gpkg::STYLES).map_err(&sql)?;
        for (layer, qml) in STYLES {
            transaction
                .execute(
                    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, \
                     styleQML, styleSLD, useAsDefault, description, owner) \
                     VALUES ('', '', ?1, 'geom', 'minesegsat', ?2, '', 1, '', '')",
                    params![layer, qml],
                )
                .map_err(&sql)?;
        }
        transaction
            .execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier) \
                 VALUES ('layer_styles', 'attributes', 'layer_styles')",
                [],
            )
            .map_err(&sql)?;
    }
    transaction.commit().map_err(&sql)
}

fn has_table(database: &Connection) -> rusqlite::Result<bool> {
    database.query_row("SELECT count(*) > 0 FROM sqlite_master WHERE name = 'layer_styles'", [], |row| row.get(0))
}
