"""Joining: one TFLite network of two files, the layers of the second behind those of the first."""

from types import ModuleType
from typing import Any

from tvfs_gym.envs.errors import InputError

IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of a TFLite network."""


def one_network(body: bytes, head: bytes) -> bytes:
    """Makes one network of two, the first one's output being the second one's input.

    Args:
        body: TFLite file with one output.
        head: TFLite file with one input, of the same shape, type and quantisation.

    Raises:
        InputError: They do not fit, or are no TFLite files, or ai-edge-litert is not installed.
    """
    schema, flatbuffers = _schema()
    first, second = _read(schema, body), _read(schema, head)
    front, back = first.subgraphs[0], second.subgraphs[0]
    _check_joint(front, back)
    tensors, buffers = len(front.tensors), len(first.buffers)
    codes, joint = len(first.operatorCodes), {back.inputs[0]: front.outputs[0]}

    def moved(indices: Any) -> list[int]:
        return [joint.get(index, index + tensors if index >= 0 else index) for index in indices]

    for tensor in back.tensors:
        tensor.buffer += buffers
    for operator in back.operators:
        operator.opcodeIndex += codes
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
    front.tensors += back.tensors
    front.operators += back.operators
    front.outputs = moved(back.outputs)
    first.buffers += second.buffers
    first.operatorCodes += second.operatorCodes
    first.description = "merged extractor+head"  # part of the file, so of its hash
    first.signatureDefs = None  # which would name the output of the first
    builder = flatbuffers.Builder(len(body) + len(head))
    builder.Finish(first.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _schema() -> tuple[ModuleType, ModuleType]:
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise InputError(
            "two files are joined with ai-edge-litert: pip install ai-edge-litert, which the "
            "network may be run without afterwards."
        ) from error
    return schema, flatbuffers


def _read(schema: ModuleType, content: bytes) -> Any:
    if content[4:8] != IDENTIFIER:
        raise InputError("a part of the network is no TFLite file.")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    if len(model.subgraphs) != 1:
        raise InputError(f"a part of the network has {len(model.subgraphs)} graphs; expected one.")
    return model


def _check_joint(front: Any, back: Any) -> None:
    if len(front.outputs) != 1 or len(back.inputs) != 1:
        raise InputError(
            f"parts are joined at one tensor; these have {len(front.outputs)} outputs and "
            f"{len(back.inputs)} inputs."
        )
    out, into = front.tensors[front.outputs[0]], back.tensors[back.inputs[0]]
    kinds = [
        (list(one.shape), one.type, list(one.quantization.scale), list(one.quantization.zeroPoint))
        for one in (out, into)
    ]
    if kinds[0] != kinds[1]:
        raise InputError("the two parts do not fit: shape, type or quantisation differ.")
