//! The protobuf messages of ONNX files, with the field numbers of
//! [`onnx.proto`](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Omitted fields are optional.

use prost::Message;

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    /// Version of the format.
    #[prost(int64, optional, tag = "1")]
    pub ir_version: Option<i64>,
    /// Name of the program that wrote it.
    #[prost(string, optional, tag = "2")]
    pub producer_name: Option<String>,
    /// Version of the program that wrote it.
    #[prost(string, optional, tag = "3")]
    pub producer_version: Option<String>,
    /// Description of the model.
    #[prost(string, optional, tag = "6")]
    pub doc_string: Option<String>,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// Sets of operators that the network uses.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Further metadata, by name.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A set of operators.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct OperatorSetIdProto {
    /// Empty for ONNX's own.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    /// Version of the set.
    #[prost(int64, optional, tag = "2")]
    pub version: Option<i64>,
}

/// A pair of texts.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct StringStringEntryProto {
    /// Name.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// Text.
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

/// Nodes in an order in which they can be computed, and the constants that they use.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    /// Operations.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// Name.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// Inputs.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// Outputs.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    /// Names of values. An empty name stands for a missing optional input.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of values.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Name.
    #[prost(string, optional, tag = "3")]
    pub name: Option<String>,
    /// Name of the operator.
    #[prost(string, optional, tag = "4")]
    pub op_type: Option<String>,
    /// Settings of the operator.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// One setting of an operator.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    /// Name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// An integer.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// A text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// Integers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Type of the value: 1 a number, 2 an integer, 3 a text, 7 integers.
    #[prost(int32, optional, tag = "20")]
    pub r#type: Option<i32>,
}

/// A constant.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct TensorProto {
    /// Length of each dimension.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// [`FLOAT`] or [`INT64`].
    #[prost(int32, optional, tag = "2")]
    pub data_type: Option<i32>,
    /// Name of the value.
    #[prost(string, optional, tag = "8")]
    pub name: Option<String>,
    /// Values, row-major, little-endian.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub raw_data: Option<Vec<u8>>,
}

/// `TensorProto.DataType` of float32.
pub(crate) const FLOAT: i32 = 1;

/// `TensorProto.DataType` of signed integers of 64 bits.
pub(crate) const INT64: i32 = 7;

/// An input or an output.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct ValueInfoProto {
    /// Name of the value.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Type and shape.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
    /// Description.
    #[prost(string, optional, tag = "3")]
    pub doc_string: Option<String>,
}

/// The type of a tensor. Other types are not used.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct TypeProto {
    /// Type of the values, and shape.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct TensorTypeProto {
    /// [`FLOAT`] or [`INT64`].
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    /// Shape.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// A shape.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct TensorShapeProto {
    /// Dimensions.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// `TensorShapeProto.Dimension`.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct DimensionProto {
    /// Its length, known or by a name.
    #[prost(oneof = "DimensionLength", tags = "1, 2")]
    pub value: Option<DimensionLength>,
}

/// The length of a dimension.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub(crate) enum DimensionLength {
    /// Known.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// Equal for all dimensions with this name.
    #[prost(string, tag = "2")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_model_is_encoded_as_onnx_does() {
        // from onnx import ModelProto, AttributeProto
        // m = ModelProto(ir_version=8, producer_name="p")
        // n = m.graph.node.add(op_type="Relu"); n.input.append("x"); n.output.append("y")
        // a = n.attribute.add(name="a", type=AttributeProto.INTS); a.ints.extend([0, 3])
        // t = m.graph.initializer.add(name="c", data_type=7, raw_data=b"\1"); t.dims.extend([1, 2])
        // o = m.opset_import.add(domain="", version=17)
        // print(m.SerializeToString().hex())
        let expected = concat!(
            "0808",
            "120170",
            "3a28",
            "0a18",
            "0a0178",
            "120179",
            "220452656c75",
            "2a0a",
            "0a0161",
            "4000",
            "4003",
            "a00107",
            "2a0c",
            "0801",
            "0802",
            "1007",
            "420163",
            "4a0101",
            "4204",
            "0a00",
            "1011"
        );
        let node = NodeProto {
            input: vec!["x".to_owned()],
            output: vec!["y".to_owned()],
            name: None,
            op_type: Some("Relu".to_owned()),
            attribute: vec![AttributeProto {
                name: Some("a".to_owned()),
                ints: vec![0, 3],
                r#type: Some(7),
                ..AttributeProto::default()
            }],
        };
        let tensor = TensorProto {
            dims: vec![1, 2],
            data_type: Some(INT64),
            name: Some("c".to_owned()),
            raw_data: Some(vec![1]),
        };
        let model = ModelProto {
            ir_version: Some(8),
            producer_name: Some("p".to_owned()),
            graph: Some(GraphProto { node: vec![node], initializer: vec![tensor], ..GraphProto::default() }),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(17) }],
            ..ModelProto::default()
        };
        assert_eq!(minesegsat_core::hex::encode(&model.encode_to_vec()), expected);
        assert_eq!(ModelProto::decode(model.encode_to_vec().as_slice()).unwrap(), model);
    }
}
