//! An ONNX graph under construction: [`Graph`].

use std::collections::BTreeMap;

use crate::proto::{
    AttributeProto, DimensionLength, DimensionProto, FLOAT, GraphProto, INT64, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// A value of the graph, by its name.
pub(crate) type Value = String;

/// A graph under construction. Nodes are named by the layer that they belong to and their operator.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// Names of the integer constants, which are shared.
    constants: BTreeMap<Vec<i64>, Value>,
    /// Number of nodes per name.
    used: BTreeMap<String, usize>,
}

/// A setting of an operator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

/// Length of a dimension of an input or output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    Known(usize),
    Named(&'static str),
}

impl Graph {
    /// Adds an operation of a layer and returns its value.
    pub(crate) fn node(
        &mut self,
        layer: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> Value {
        let name = self.unused(if layer.is_empty() { operator.to_owned() } else { format!("{layer}/{operator}") });
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(operator.to_owned()),
            attribute: attributes.iter().map(|(name, attribute)| attribute.named(name)).collect(),
        });
        name
    }

    fn unused(&mut self, name: String) -> String {
        let count = self.used.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}_{count}") }
    }

    /// Adds float32 values under a unique name.
    ///
    /// # Panics
    /// If the number of values does not match the shape.
    pub(crate) fn weights(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name} has shape {shape:?}");
        let name = self.unused(name.to_owned());
        let mut bytes = Vec::with_capacity(4 * values.len());
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        self.initializers.push(TensorProto {
            dims: shape.iter().map(|&length| length as i64).collect(),
            data_type: Some(FLOAT),
            name: Some(name.clone()),
            raw_data: Some(bytes),
        });
        name
    }

    /// A constant of one number.
    pub(crate) fn number(&mut self, name: &str, value: f32) -> Value {
        self.shared(name, &[], &[value])
    }

    /// Shared float32 values, named after their contents.
    pub(crate) fn shared(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        if self.used.contains_key(name) { name.to_owned() } else { self.weights(name, shape, values) }
    }

    /// A constant list of integers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> Value {
        if let Some(name) = self.constants.get(values) {
            return name.clone();
        }
        let text: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = format!("ints[{}]", text.join(","));
        self.initializers.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: Some(INT64),
            name: Some(name.clone()),
            raw_data: Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        });
        self.constants.insert(values.to_vec(), name.clone());
        name
    }

    /// Finishes the graph with its input and its output.
    pub(crate) fn finish(
        self,
        name: &str,
        input: (&str, [Length; 4], &str),
        output: (&str, [Length; 4], &str),
    ) -> GraphProto {
        let value = |(name, shape, text): (&str, [Length; 4], &str)| ValueInfoProto {
            name: Some(name.to_owned()),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorTypeProto {
                    elem_type: Some(FLOAT),
                    shape: Some(TensorShapeProto { dim: shape.iter().map(|length| length.dimension()).collect() }),
                }),
            }),
            doc_string: Some(text.to_owned()),
        };
        GraphProto {
            node: self.nodes,
            name: Some(name.to_owned()),
            initializer: self.initializers,
            input: vec![value(input)],
            output: vec![value(output)],
        }
    }

    /// Renames the value of the last node. No other node may use it yet.
    pub(crate) fn rename_last(&mut self, name: &str) {
        if let Some(node) = self.nodes.last_mut() {
            node.output = vec![name.to_owned()];
        }
    }
}

impl Attribute<'_> {
    fn named(self, name: &str) -> AttributeProto {
        let attribute = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
        match self {
            Self::Float(value) => AttributeProto { f: Some(value), r#type: Some(1), ..attribute },
            Self::Int(value) => AttributeProto { i: Some(value), r#type: Some(2), ..attribute },
            Self::Text(value) => AttributeProto { s: Some(value.as_bytes().to_vec()), r#type: Some(3), ..attribute },
            Self::Ints(values) => AttributeProto { ints: values.to_vec(), r#type: Some(7), ..attribute },
        }
    }
}

impl Length {
    fn dimension(self) -> DimensionProto {
        let value = match self {
            Self::Known(length) => DimensionLength::Value(length as i64),
            Self::Named(name) => DimensionLength::Name(name.to_owned()),
        };
        DimensionProto { value: Some(value) }
    }
}
