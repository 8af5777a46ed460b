//! One tensor of a checkpoint: [`Weight`].

/// A tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weight {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Weight {
    /// The equal parts that are stacked along the first dimension. A length that is no multiple of `parts` gives a part of
    /// another shape, which no network accepts.
    pub(crate) fn split(&self, parts: usize) -> Vec<Self> {
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first /= parts;
        }
        let len = self.values.len() / parts;
        (0..parts)
            .map(|part| Self { shape: shape.clone(), values: self.values[part * len..][..len].to_vec() })
            .collect()
    }

    /// Turns `[out, in, 1, 1]` into `[out, in]`.
    pub(crate) fn drop_pixel_dimensions(&mut self) {
        if let [_, _, 1, 1] = self.shape[..] {
            self.shape.truncate(2);
        }
    }

    /// Reverses the order of `parts` equal parts of the second dimension of `[out, in, 1, 1]`.
    pub(crate) fn reverse_input_parts(&mut self, parts: usize) {
        let &[_, input, 1, 1] = self.shape.as_slice() else { return };
        if input == 0 || input % parts != 0 {
            return;
        }
        let reversed = |row: &[f32]| row.rchunks_exact(input / parts).flatten().copied().collect::<Vec<f32>>();
        self.values = self.values.chunks_exact(input).flat_map(reversed).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_apart_and_reversed() {
        let mut weight = Weight { shape: vec![4, 2, 1, 1], values: (0..8_u8).map(f32::from).collect() };
        let parts = weight.split(2);
        assert_eq!((parts[0].shape.clone(), parts[1].values.clone()), (vec![2, 2, 1, 1], vec![4.0, 5.0, 6.0, 7.0]));
        weight.reverse_input_parts(2);
        assert_eq!(weight.values, [1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0]);
        weight.drop_pixel_dimensions();
        assert_eq!(weight.shape, [4, 2]);
    }
}
