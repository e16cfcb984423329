"""TFLite networks of some 500 bytes: a RESHAPE whose pixels are its outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Quantisation = tuple[float, int] | None

INPUT = (1, 8, 8, 3)
OUTPUTS = 192


def write_network(
    path: Path,
    dtype: str = "uint8",
    *,
    input_shape: tuple[int, ...] = INPUT,
    signature: tuple[int, ...] | None = None,
    output_shape: tuple[int, ...] = (1, OUTPUTS),
    output_dtype: str | None = None,
    quantisation: Quantisation = (1 / 128, 128),
    output_quantisation: Quantisation = (1 / 256, 0),
    inputs: int = 1,
    outputs: int = 1,
    other_output_shapes: Sequence[tuple[int, ...]] = (),
    custom_op: str | None = None,
    metadata: bytes = b"",
) -> Path:
    """Writes a network that answers with the index of the brightest sub-pixel.

    Args:
        path: The file.
        dtype: Type of the input.
        input_shape: Shape of the input.
        signature: Shape of the input with -1 for what may change.
        output_shape: Shape of every output.
        output_dtype: Type of the outputs, if it is another.
        quantisation: Scale and zero point of the input; None if it is not quantised.
        output_quantisation: Those of the outputs.
        inputs: Number of inputs.
        outputs: Number of outputs.
        other_output_shapes: Shapes of further outputs, before them.
        custom_op: Name of a custom operation in the place of RESHAPE.
        metadata: FlatBuffer of TFLite metadata.
    """
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    types = {
        "float32": schema.TensorType.FLOAT32, "float16": schema.TensorType.FLOAT16,
        "uint8": schema.TensorType.UINT8, "int8": schema.TensorType.INT8,
        "int16": schema.TensorType.INT16, "int64": schema.TensorType.INT64,
    }  # fmt: skip

    def tensor(
        name: str, kind: int, shape: Sequence[int], quantised: Quantisation, buffer: int = 0
    ) -> Any:
        made = schema.TensorT()
        made.name, made.type, made.shape, made.buffer = name, kind, list(shape), buffer
        if quantised is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [quantised[0]]
            made.quantization.zeroPoint = [quantised[1]]
        return made

    graph = schema.SubGraphT()
    kind, output_kind = types[dtype], types[output_dtype or dtype]
    shapes = [*other_output_shapes, *[output_shape] * outputs]
    graph.tensors = [
        tensor(f"shape{index}", schema.TensorType.INT32, [len(shape)], None, 1 + index)
        for index, shape in enumerate(shapes)
    ]
    for index in range(inputs):
        graph.tensors.append(tensor(f"in{index}", kind, input_shape, quantisation))
        graph.tensors[-1].shapeSignature = list(signature) if signature else None
    for index, shape in enumerate(shapes):
        graph.tensors.append(tensor(f"out{index}", output_kind, shape, output_quantisation))
    first = len(shapes)
    graph.inputs = list(range(first, first + inputs))
    graph.outputs = list(range(first + inputs, first + inputs + len(shapes)))
    graph.operators = []
    for index, output in enumerate(graph.outputs):
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, [first, index], [output]
        graph.operators.append(operator)
    code = schema.OperatorCodeT()
    kind = schema.BuiltinOperator.CUSTOM if custom_op else schema.BuiltinOperator.RESHAPE
    code.builtinCode = kind
    code.deprecatedBuiltinCode = kind
    code.customCode, code.version = custom_op, 1
    buffers = [schema.BufferT() for _ in range(1 + len(shapes))]
    for buffer, shape in zip(buffers[1:], shapes, strict=True):
        buffer.data = np.frombuffer(np.array(shape, np.int32).tobytes(), np.uint8)
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    if metadata:
        buffers.append(schema.BufferT())
        buffers[-1].data = np.frombuffer(metadata, np.uint8)
        entry = schema.MetadataT()
        entry.name, entry.buffer = "TFLITE_METADATA", len(buffers) - 1
        model.metadata = [entry]
    model.buffers = buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def write_metadata(mean: Sequence[float], std: Sequence[float]) -> bytes:
    """TFLite metadata that hold a normalisation of the input, as a FlatBuffer."""
    flatbuffers = pytest.importorskip("flatbuffers")
    builder = flatbuffers.Builder(256)

    def floats(values: Sequence[float]) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependFloat32(value)
        return int(builder.EndVector())

    def record(*fields: tuple[int, int]) -> int:
        builder.StartObject(8)
        for slot, offset in fields:
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        return int(builder.EndObject())

    def vector(member: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(member)
        return int(builder.EndVector())

    means, stds = floats(mean), floats(std)
    options = record((0, means), (1, stds))
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)  # NormalizationOptions
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = int(builder.EndObject())
    tensor = record((4, vector(unit)))
    subgraph = record((2, vector(tensor)))
    builder.Finish(record((3, vector(subgraph))), b"M001")
    return bytes(builder.Output())
