//! Operations with their own backward pass in Burn's graph: [`Operation`], [`apply`].

use std::{fmt::Debug, sync::Arc};

use burn::{
    backend::{
        Autodiff, BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        tensor::FloatTensor,
    },
    tensor::{Shape, Tensor, TensorData},
};

use super::pool;

type Primitive = FloatTensor<Flex>;
type Tracked = FloatTensor<Autodiff<Flex>>;

/// An operation with `N` inputs of 32-bit floats, row-major and contiguous.
pub(crate) trait Operation<const N: usize>: Debug + Send + 'static {
    /// Values of the forward pass, besides inputs, that the backward pass needs.
    type Saved: Debug + Send + Sync + 'static;

    /// The inputs that the backward pass reads. The others are passed as empty slices.
    const READS: [bool; N];

    /// Computes the output.
    fn forward(&self, inputs: [&[f32]; N]) -> (Vec<f32>, Self::Saved);

    /// The saved buffers, for reuse after the backward pass.
    fn buffers(_saved: Self::Saved) -> Vec<Vec<f32>> {
        Vec::new()
    }

    /// Computes the gradients of the inputs from that of the output. Gradients that are not `needed` may be omitted.
    fn backward(&self, inputs: [&[f32]; N], saved: &Self::Saved, gradient: &[f32], needed: [bool; N]) -> [Gradient; N];
}

/// The gradient of an input.
#[derive(Debug)]
pub(crate) enum Gradient {
    /// Not needed.
    None,
    /// These values.
    Values(Vec<f32>),
    /// The gradient of the output, unchanged.
    Unchanged,
}

impl Gradient {
    /// Computes the values only if they are needed.
    pub(crate) fn when(needed: bool, values: impl FnOnce() -> Vec<f32>) -> Self {
        if needed { Self::Values(values()) } else { Self::None }
    }
}

/// Computes an operation, and records its backward pass if an input needs a gradient.
///
/// # Panics
/// If an input is not on the CPU: see [`takes`](super::takes).
pub(crate) fn apply<const N: usize, const D: usize, O: Operation<N>>(
    operation: O,
    inputs: [DispatchTensor; N],
    shape: [usize; D],
) -> (Tensor<D>, Arc<O::Saved>) {
    let context = inputs.iter().fold(DispatchAutodiffContext::Disabled, |context, input| context.merge(input.autodiff));
    let (kind, saved) = if context == DispatchAutodiffContext::Disabled {
        let primitives = inputs.map(|input| match input.kind {
            DispatchTensorKind::Flex(BackendTensor::Float(primitive)) => primitive.to_contiguous(),
            other => panic!("expected a float tensor on the CPU, got {other:?}"),
        });
        let (values, saved) = operation.forward(primitives.each_ref().map(values));
        (DispatchTensorKind::Flex(BackendTensor::Float(primitive(values, shape.into()))), Arc::new(saved))
    } else {
        let (output, saved) = apply_tracked(operation, inputs.map(tracked), shape.into());
        let inner = DispatchTensorKind::Flex(BackendTensor::Autodiff(output));
        (DispatchTensorKind::Autodiff(Box::new(inner)), saved)
    };
    (Tensor::from_dispatch(DispatchTensor { kind, autodiff: context }), saved)
}

fn apply_tracked<const N: usize, O: Operation<N>>(
    operation: O,
    inputs: [Tracked; N],
    shape: Shape,
) -> (Tracked, Arc<O::Saved>) {
    let primitives = inputs.each_ref().map(|input| input.primitive().to_contiguous());
    let (output, saved) = operation.forward(primitives.each_ref().map(values));
    let (output, saved) = (primitive(output, shape), Arc::new(saved));
    let guards = inputs.map(|input| input.into_parts().1);
    // The whole state is stored, so the strategy for recomputation has no effect.
    let output = match Step(operation).prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::UnTracked(step) => step.finish(output),
        OpsKind::Tracked(step) => {
            let shapes = primitives.each_ref().map(TensorMetadata::shape);
            let mut reads = O::READS.into_iter();
            let inputs = primitives.map(|input| reads.next().unwrap_or(true).then_some(input));
            step.finish(State { inputs, shapes, saved: saved.clone() }, output)
        }
    };
    (output, saved)
}

/// State that a step keeps from its forward to its backward pass.
#[derive(Debug)]
struct State<const N: usize, S> {
    inputs: [Option<Primitive>; N],
    shapes: [Shape; N],
    saved: Arc<S>,
}

impl<const N: usize, S> Clone for State<N, S> {
    fn clone(&self) -> Self {
        Self { inputs: self.inputs.clone(), shapes: self.shapes.clone(), saved: self.saved.clone() }
    }
}

#[derive(Debug)]
struct Step<O>(O);

impl<const N: usize, O: Operation<N>> Backward<Flex, N> for Step<O> {
    type State = State<N, O::Saved>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let incoming = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let State { inputs, shapes, saved } = ops.state;
        let needed = ops.parents.each_ref().map(Option::is_some);
        let read = inputs.each_ref().map(|input| input.as_ref().map_or(&[][..], values));
        let outgoing = self.0.backward(read, &saved, values(&incoming), needed);
        // Before gradients are added, since that needs buffers.
        inputs.into_iter().flatten().for_each(pool::recycle_primitive);
        if let Ok(saved) = Arc::try_unwrap(saved) {
            O::buffers(saved).into_iter().for_each(pool::recycle);
        }
        for ((parent, gradient), shape) in ops.parents.into_iter().zip(outgoing).zip(shapes) {
            let Some(parent) = parent else { continue };
            let gradient = match gradient {
                Gradient::None => panic!("{:?} left out a gradient that is needed", self.0),
                Gradient::Values(values) => primitive(values, shape),
                Gradient::Unchanged => incoming.clone(),
            };
            gradients.register::<Flex>(parent.id, gradient);
        }
        pool::recycle_primitive(incoming);
    }
}

fn tracked(input: DispatchTensor) -> Tracked {
    let inner = if let DispatchTensorKind::Autodiff(inner) = input.kind { *inner } else { input.kind };
    match inner {
        DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => tensor,
        DispatchTensorKind::Flex(BackendTensor::Float(primitive)) => Tracked::new(primitive),
        other => panic!("expected a float tensor on the CPU, got {other:?}"),
    }
}

fn values(primitive: &Primitive) -> &[f32] {
    primitive.as_slice::<f32>().expect("a contiguous tensor of 32-bit floats")
}

fn primitive(values: Vec<f32>, shape: Shape) -> Primitive {
    Primitive::from_data(TensorData::new(values, shape))
}
