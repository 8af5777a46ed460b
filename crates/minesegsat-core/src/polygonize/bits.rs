//! Rows of bits. Column c is bit c + 1 of its row, so that each row starts and ends with an empty column.

/// A mask of one bit per pixel, with an empty row above the first and an empty column on both sides. So a trace along its
/// edges needs no bounds checks.
#[derive(Debug)]
pub(super) struct BitRows {
    pub(super) width: usize,
    pub(super) rows: usize,
    pub(super) words_per_row: usize,
    /// All rows, including the empty row above the first.
    pub(super) words: Vec<u64>,
}

impl BitRows {
    pub(super) fn new(width: usize) -> Self {
        let words_per_row = (width + 2).div_ceil(64);
        Self { width, rows: 0, words_per_row, words: vec![0; words_per_row] }
    }

    /// Adds an empty row and returns it.
    pub(super) fn push(&mut self) -> &mut [u64] {
        let start = self.words.len();
        self.words.resize(start + self.words_per_row, 0);
        self.rows += 1;
        &mut self.words[start..]
    }

    /// Adds the empty row below the last.
    pub(super) fn close(&mut self) {
        self.words.resize(self.words.len() + self.words_per_row, 0);
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[(row + 1) * self.words_per_row..][..self.words_per_row]
    }
}

/// Sets the bits of the pixels that equal `value`, and clears the others.
pub(super) fn pack(pixels: &[u8], value: u8, bits: &mut [u64]) {
    let word = |pixels: &[u8]| {
        let (eights, rest) = pixels.as_chunks::<8>();
        let mut last = [!value; 8];
        last[..rest.len()].copy_from_slice(rest);
        let eights = eights.iter().chain(std::iter::once(&last)).enumerate();
        eights.fold(0, |word, (i, &eight)| word | equal(eight, value).checked_shl(i as u32 * 8).unwrap_or(0))
    };
    // The first word has the empty column and 63 pixels.
    let (head, tail) = pixels.split_at(pixels.len().min(63));
    bits[0] = word(head) << 1;
    bits[1..].fill(0);
    for (bits, pixels) in bits[1..].iter_mut().zip(tail.chunks(64)) {
        *bits = word(pixels);
    }
}

/// One bit for each of eight pixels: set if the pixel equals `value`.
fn equal(pixels: [u8; 8], value: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * ONES;
    let x = u64::from_le_bytes(pixels) ^ (ONES * u64::from(value));
    // The high bit of each byte that is zero (H. S. Warren, Hacker's Delight, 6-1), moved to its lowest bit.
    let zero = !(((x & LOW) + LOW) | x | LOW) >> 7;
    // Each bit of the factor moves the bit of one byte to its position in the highest byte.
    zero.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Calls `run` with the first and the end column of each run of set bits, from left to right.
pub(super) fn for_each_run(bits: &[u64], mut run: impl FnMut(u32, u32)) {
    let (mut carry, mut start) = (0, None);
    for (i, &word) in bits.iter().enumerate() {
        // A bit of `changes` is set where a pixel differs from the one before it.
        let mut changes = word ^ (word << 1 | carry);
        carry = word >> 63;
        while changes != 0 {
            let column = (i * 64) as u32 + changes.trailing_zeros() - 1;
            changes &= changes - 1;
            match start.take() {
                None => start = Some(column),
                Some(start) => run(start, column),
            }
        }
    }
}

/// Whether a bit is set in the columns from `start - reach` to `end + reach` (not included); `reach` is at most 1.
pub(super) fn any_bit(bits: &[u64], start: u32, end: u32, reach: u32) -> bool {
    let (first, last) = ((start + 1 - reach) as usize, (end + reach) as usize); // last is included
    let (low, high) = (!0 << (first % 64), !0 >> (63 - last % 64));
    if first / 64 == last / 64 {
        return bits[first / 64] & low & high != 0;
    }
    bits[first / 64] & low != 0
        || bits[last / 64] & high != 0
        || bits[first / 64 + 1..last / 64].iter().any(|&word| word != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_across_words() {
        let mut pixels = vec![0; 200];
        for (start, end) in [(0, 1), (3, 64), (65, 70), (126, 193), (199, 200)] {
            pixels[start..end].fill(1);
        }
        let mut mask = BitRows::new(200);
        let bits = mask.push();
        pack(&pixels, 1, bits);
        let mut runs = Vec::new();
        for_each_run(bits, |start, end| runs.push((start, end)));
        assert_eq!(runs, [(0, 1), (3, 64), (65, 70), (126, 193), (199, 200)]);
    }

    #[test]
    fn bits_are_found_in_every_range() {
        let width = 150;
        for set in [0, 1, 61, 62, 63, 64, 127, 149] {
            let mut pixels = vec![0; width];
            pixels[set] = 255;
            let mut mask = BitRows::new(width);
            let bits = mask.push();
            pack(&pixels, 255, bits);
            for start in 0..width {
                for end in start + 1..=width {
                    for reach in [0, 1] {
                        let expected = set + reach >= start && set < end + reach;
                        assert_eq!(any_bit(bits, start as u32, end as u32, reach as u32), expected);
                    }
                }
            }
        }
    }
}
