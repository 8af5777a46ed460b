//! Text tables. Each column is as wide as its longest cell.

use std::io::Write;

use minesegsat::on_one_line;

/// A table with a header. The first column and text columns are left-aligned, the others right-aligned.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// Left-aligned text columns.
    texts: Vec<usize>,
}

impl Table {
    pub(super) fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![header.into_iter().map(Into::into).collect()], texts: vec![0] }
    }

    /// Adds left-aligned text columns to the first.
    pub(super) fn with_texts(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.texts.extend(columns);
        self
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A row stays a row, whatever a foreign name contains.
        self.rows.push(cells.into_iter().map(|cell| on_one_line(&cell)).collect());
    }

    pub(super) fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                line += &if self.texts.contains(&column) {
                    format!("{gap}{cell:<width$}")
                } else {
                    format!("{gap}{cell:>width$}")
                };
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
