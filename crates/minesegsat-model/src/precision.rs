//! The number format of an engine: [`Precision`].

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Type of the operands of matrix products. Norms, softmax, and all sums are float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// float32.
    #[default]
    Fp32,
    /// bfloat16: 8 bits of mantissa.
    Bf16,
}

impl Precision {
    /// Both precisions.
    pub const ALL: [Self; 2] = [Self::Fp32, Self::Bf16];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == text).ok_or_else(|| Error::Argument {
            name: "precision",
            value: text.to_owned(),
            accepted: "fp32 or bf16".to_owned(),
        })
    }
}
