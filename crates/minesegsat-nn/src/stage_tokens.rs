//! Output of an encoder stage: [`StageTokens`].

use burn::prelude::*;

use crate::init;

/// Output of an encoder stage: tokens and the size of their map.
#[derive(Debug, Clone)]
pub struct StageTokens {
    /// Tokens, `[N, H * W, C]`.
    pub tokens: Tensor<3>,
    /// `[H, W]`.
    pub size: [usize; 2],
}

impl StageTokens {
    /// The tokens as a map `[N, C, H, W]`.
    pub fn into_map(self) -> Tensor<4> {
        init::tokens_to_map(self.tokens, self.size)
    }
}
