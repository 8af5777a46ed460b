//! Filter for groups of candidates that are more than a shifted outline.

/// Keeps the groups of set pixels (connected by edges) that have at least `min_pixels`, one sure pixel, and one pixel
/// whose four neighbours are set.
///
/// # Shapes
/// - `mask`: `[H, W]`, row-major, with `width` columns
pub(super) fn keep_sure(mask: &mut [bool], width: usize, min_pixels: usize, is_sure: impl Fn(usize) -> bool) {
    if width == 0 {
        return;
    }
    let height = mask.len() / width;
    let mut waiting = mask.to_vec();
    let mut group = Vec::new();
    let mut stack = Vec::new();
    for first in 0..mask.len() {
        if !waiting[first] {
            continue;
        }
        group.clear();
        stack.push(first);
        waiting[first] = false;
        let (mut sure, mut wide) = (false, false);
        while let Some(i) = stack.pop() {
            group.push(i);
            sure |= is_sure(i);
            let (row, col) = (i / width, i % width);
            let mut neighbours = 0;
            let mut visit = |j: usize| {
                neighbours += usize::from(mask[j]);
                if waiting[j] {
                    waiting[j] = false;
                    stack.push(j);
                }
            };
            if col > 0 {
                visit(i - 1);
            }
            if col + 1 < width {
                visit(i + 1);
            }
            if row > 0 {
                visit(i - width);
            }
            if row + 1 < height {
                visit(i + width);
            }
            wide |= neighbours == 4;
        }
        if !(sure && wide && group.len() >= min_pixels) {
            for &i in &group {
                mask[i] = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rows: &[&str], min_pixels: usize) -> Vec<String> {
        let width = rows[0].len();
        let all: Vec<u8> = rows.iter().flat_map(|row| row.bytes()).collect();
        let mut mask: Vec<bool> = all.iter().map(|&c| c != b'.').collect();
        keep_sure(&mut mask, width, min_pixels, |i| all[i] == b'S');
        mask.chunks(width).map(|row| row.iter().map(|&is| if is { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn groups_need_a_sure_pixel_width_and_size() {
        // Wide and sure, wide and not sure, a thin line that is sure, and one that touches at a corner only.
        let rows = ["###....###..", "#S#....###.S", "###....###.S", "...#.......S"];
        assert_eq!(kept(&rows, 1), ["###.........", "###.........", "###.........", "............"]);
        assert_eq!(kept(&rows, 10), ["............"; 4]);
        // The sure pixel need not be the wide one.
        assert_eq!(kept(&["####S", "###..", "###.."], 3), ["#####", "###..", "###.."]);
        assert_eq!(kept(&["SSS"], 1), ["..."]);
    }
}
