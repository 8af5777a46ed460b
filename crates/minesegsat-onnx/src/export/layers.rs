//! Layers that the networks share, as nodes of a graph.

use std::collections::BTreeSet;

use super::source::Source;
use super::{INPUT, OUTPUT};
use crate::Result;
use crate::graph::{Attribute, Graph, Value};

/// Default epsilon of batch, group and layer norms in PyTorch.
pub(super) const EPSILON: f32 = 1e-5;

/// A graph under construction and its weights.
pub(super) struct Builder<'a> {
    graph: Graph,
    weights: &'a dyn Source,
    taken: BTreeSet<String>,
}

/// A square convolution that keeps the size of its map, apart from the stride.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    pub channels: [usize; 2],
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub groups: usize,
    pub padding: usize,
}

impl Conv {
    /// A convolution of stride 1 that keeps the map's size.
    pub(super) const fn same(channels: [usize; 2], kernel: usize) -> Self {
        Self { channels, kernel, stride: 1, dilation: 1, groups: 1, padding: kernel / 2 }
    }

    pub(super) const fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same convolution with a dilation, which keeps the map's size.
    pub(super) const fn with_dilation(self, dilation: usize) -> Self {
        Self { dilation, padding: self.kernel / 2 * dilation, ..self }
    }

    /// The same convolution with one kernel per channel.
    pub(super) const fn depthwise(channels: usize, kernel: usize) -> Self {
        Self { groups: channels, ..Self::same([channels, channels], kernel) }
    }

    /// Shape of the weight: `[out, in / groups, kernel, kernel]`.
    pub(super) const fn shape(&self) -> [usize; 4] {
        [self.channels[1], self.channels[0] / self.groups, self.kernel, self.kernel]
    }
}

/// Weight and bias of a convolution.
pub(super) struct Kernel {
    pub weight: Vec<f32>,
    pub bias: Option<Vec<f32>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(weights: &'a dyn Source) -> Self {
        Self { graph: Graph::default(), weights, taken: BTreeSet::new() }
    }

    pub(super) fn into_graph(self) -> Graph {
        self.graph
    }

    /// Names of the tensors that were used.
    pub(super) const fn taken(&self) -> &BTreeSet<String> {
        &self.taken
    }

    /// A tensor of the model, by name.
    pub(super) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.taken.insert(name.to_owned());
        self.weights.tensor(name, shape)
    }

    /// Adds an operation with float32 and integer inputs.
    pub(super) fn node(
        &mut self,
        layer: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> Value {
        self.graph.node(layer, operator, inputs, attributes)
    }

    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        self.graph.ints(values)
    }

    pub(super) fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        self.graph.weights(name, shape, values)
    }

    /// `x + y`.
    pub(super) fn add(&mut self, layer: &str, x: &str, y: &str) -> Value {
        self.node(layer, "Add", &[x, y], &[])
    }

    pub(super) fn relu(&mut self, layer: &str, x: &str) -> Value {
        self.node(layer, "Relu", &[x], &[])
    }

    /// GELU in its exact form: `x / 2 (1 + erf(x / sqrt 2))`. Runtimes recognise these five nodes and fuse them.
    pub(super) fn gelu(&mut self, layer: &str, x: &str) -> Value {
        let root = self.graph.number("sqrt(2)", std::f32::consts::SQRT_2);
        let one = self.graph.number("one", 1.0);
        let half = self.graph.number("half", 0.5);
        let scaled = self.node(layer, "Div", &[x, &root], &[]);
        let erf = self.node(layer, "Erf", &[&scaled], &[]);
        let sum = self.add(layer, &erf, &one);
        let product = self.node(layer, "Mul", &[x, &sum], &[]);
        self.node(layer, "Mul", &[&product, &half], &[])
    }

    /// Concatenates maps of one size along their channels.
    pub(super) fn concat(&mut self, layer: &str, maps: &[&str]) -> Value {
        self.node(layer, "Concat", maps, &[("axis", Attribute::Int(1))])
    }

    /// Height and width of a map, as two integers.
    pub(super) fn size_of(&mut self, layer: &str, map: &str) -> Value {
        self.node(layer, "Shape", &[map], &[("start", Attribute::Int(2)), ("end", Attribute::Int(4))])
    }

    /// Weight and optional bias of a convolution of the model.
    pub(super) fn kernel(&mut self, name: &str, conv: Conv, has_bias: bool) -> Result<Kernel> {
        let weight = self.tensor(&format!("{name}.weight"), &conv.shape())?;
        let bias = if has_bias { Some(self.tensor(&format!("{name}.bias"), &[conv.channels[1]])?) } else { None };
        Ok(Kernel { weight, bias })
    }

    /// A convolution and the batch norm after it, folded in f64 as
    /// `gamma (w x + b - mean) / sqrt(var + epsilon) + beta`.
    pub(super) fn kernel_and_norm(&mut self, conv_name: &str, norm: &str, conv: Conv) -> Result<Kernel> {
        let kernel = self.kernel(conv_name, conv, false)?;
        let statistics = self.batch_norm(norm, conv.channels[1])?;
        Ok(fold(kernel, &statistics))
    }

    /// Scale and shift of a batch norm in evaluation mode, `[channels]` each.
    pub(super) fn batch_norm(&mut self, name: &str, channels: usize) -> Result<Vec<(f64, f64)>> {
        let mut read = |part: &str| self.tensor(&format!("{name}.{part}"), &[channels]);
        let (gamma, beta) = (read("weight")?, read("bias")?);
        let (mean, variance) = (read("running_mean")?, read("running_var")?);
        Ok((0..channels)
            .map(|c| {
                let scale = f64::from(gamma[c]) / (f64::from(variance[c]) + f64::from(EPSILON)).sqrt();
                (scale, f64::from(beta[c]) - scale * f64::from(mean[c]))
            })
            .collect())
    }

    /// Applies a convolution.
    pub(super) fn conv(&mut self, layer: &str, x: &str, conv: Conv, kernel: &Kernel) -> Value {
        let weight = self.constant(&format!("{layer}.weight"), &conv.shape(), &kernel.weight);
        let bias = kernel.bias.as_ref().map(|bias| self.constant(&format!("{layer}.bias"), &[bias.len()], bias));
        let mut inputs = vec![x, weight.as_str()];
        inputs.extend(bias.as_deref());
        let int = |value: usize| value as i64;
        let (kernel, padding) = (int(conv.kernel), int(conv.padding));
        self.node(
            layer,
            "Conv",
            &inputs,
            &[
                ("kernel_shape", Attribute::Ints(&[kernel; 2])),
                ("strides", Attribute::Ints(&[int(conv.stride); 2])),
                ("dilations", Attribute::Ints(&[int(conv.dilation); 2])),
                ("pads", Attribute::Ints(&[padding; 4])),
                ("group", Attribute::Int(int(conv.groups))),
            ],
        )
    }

    /// A convolution of the model.
    pub(super) fn conv_layer(&mut self, name: &str, x: &str, conv: Conv, has_bias: bool) -> Result<Value> {
        let kernel = self.kernel(name, conv, has_bias)?;
        Ok(self.conv(name, x, conv, &kernel))
    }

    /// Convolution and batch norm, as one.
    pub(super) fn conv_norm(&mut self, conv_name: &str, norm: &str, x: &str, conv: Conv) -> Result<Value> {
        let kernel = self.kernel_and_norm(conv_name, norm, conv)?;
        Ok(self.conv(conv_name, x, conv, &kernel))
    }

    /// Convolution and batch norm that are `0` and `1` of `name`, then ReLU.
    pub(super) fn conv_norm_relu(&mut self, name: &str, x: &str, conv: Conv) -> Result<Value> {
        let x = self.conv_norm(&format!("{name}.0"), &format!("{name}.1"), x, conv)?;
        Ok(self.relu(name, &x))
    }

    /// Depthwise 3 x 3 and pointwise convolution that are `0` and `1` of `name`, batch norm, ReLU.
    pub(super) fn separable_conv_norm_relu(
        &mut self,
        name: &str,
        norm: &str,
        x: &str,
        channels: [usize; 2],
        dilation: usize,
    ) -> Result<Value> {
        let depthwise = Conv::depthwise(channels[0], 3).with_dilation(dilation);
        let x = self.conv_layer(&format!("{name}.0"), x, depthwise, false)?;
        let x = self.conv_norm(&format!("{name}.1"), norm, &x, Conv::same(channels, 1))?;
        Ok(self.relu(name, &x))
    }

    /// Upsamples a map by 2 with nearest neighbours.
    pub(super) fn nearest2(&mut self, layer: &str, x: &str) -> Value {
        let scales = self.scales(2);
        let nearest = [
            ("mode", Attribute::Text("nearest")),
            ("coordinate_transformation_mode", Attribute::Text("asymmetric")),
            ("nearest_mode", Attribute::Text("floor")),
        ];
        self.node(layer, "Resize", &[x, "", &scales], &nearest)
    }

    /// Upsamples a map bilinearly with aligned corners.
    pub(super) fn bilinear_aligned(&mut self, layer: &str, x: &str, factor: usize) -> Value {
        let scales = self.scales(factor);
        let aligned =
            [("mode", Attribute::Text("linear")), ("coordinate_transformation_mode", Attribute::Text("align_corners"))];
        self.node(layer, "Resize", &[x, "", &scales], &aligned)
    }

    fn scales(&mut self, factor: usize) -> Value {
        let values = [1.0, 1.0, factor as f32, factor as f32];
        self.graph.shared(&format!("scales[{factor}]"), &[4], &values)
    }

    /// Resizes a map bilinearly, with half-pixel centres. `size` is height and width, as two integers.
    pub(super) fn resize(&mut self, layer: &str, x: &str, size: &str) -> Value {
        let others = self.node(layer, "Shape", &[x], &[("start", Attribute::Int(0)), ("end", Attribute::Int(2))]);
        let sizes = self.node(layer, "Concat", &[&others, size], &[("axis", Attribute::Int(0))]);
        let half_pixel =
            [("mode", Attribute::Text("linear")), ("coordinate_transformation_mode", Attribute::Text("half_pixel"))];
        self.node(layer, "Resize", &[x, "", "", &sizes], &half_pixel)
    }

    /// The classifier of networks on a ResNet, `segmentation_head.0`.
    pub(super) fn head(&mut self, x: &str, channels: [usize; 2], kernel: usize) -> Result<Value> {
        self.conv_layer("segmentation_head.0", x, Conv::same(channels, kernel), true)
    }

    /// Names the value that was added last as the output of the network.
    pub(super) fn answer(&mut self) {
        self.graph.rename_last(OUTPUT);
    }

    /// The input of the network.
    pub(super) const fn input() -> &'static str {
        INPUT
    }
}

/// Multiplies a kernel by the scale of each output channel and adds the shift, in f64.
pub(super) fn fold(kernel: Kernel, scale_shift: &[(f64, f64)]) -> Kernel {
    let taps = kernel.weight.len() / scale_shift.len();
    let weight = kernel
        .weight
        .chunks_exact(taps)
        .zip(scale_shift)
        .flat_map(|(taps, (scale, _))| taps.iter().map(move |w| (f64::from(*w) * scale) as f32))
        .collect();
    let bias = kernel.bias.unwrap_or_else(|| vec![0.0; scale_shift.len()]);
    let bias = bias.iter().zip(scale_shift).map(|(b, (scale, shift))| (f64::from(*b) * scale + shift) as f32).collect();
    Kernel { weight, bias: Some(bias) }
}
