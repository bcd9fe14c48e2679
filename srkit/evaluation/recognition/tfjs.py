"""Graph models of TensorFlow.js, read by TensorFlow: a `model.json` with the graph, and files with its weights."""

import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf


def read_tfjs(path: Path) -> tf.types.experimental.ConcreteFunction:
    """Reads a graph model as a function from its one input to its outputs.

    Args:
        path: Path of `model.json`. The files with weights that it names lie beside it.

    Raises:
        KeyError, ValueError, OSError: It is not a graph model, or a file is missing or cut off.
    """
    from google.protobuf import json_format

    description = json.loads(path.read_text(encoding="utf-8"))
    graph = json_format.ParseDict(description["modelTopology"], tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
    weights = {
        name: value for group in description["weightsManifest"] for name, value in _read_group(path.parent, group)
    }
    for node in graph.node:
        if node.op == "Const":
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
    read = {edge.removeprefix("^").split(":")[0] for node in graph.node for edge in node.input}
    inputs = [node.name for node in graph.node if node.op == "Placeholder"]
    outputs = [node.name for node in graph.node if node.name not in read and node.op != "Placeholder"]
    if len(inputs) != 1:
        raise ValueError(f"it has {len(inputs)} inputs; expected one, a batch of faces")
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    return whole.prune(f"{inputs[0]}:0", [f"{name}:0" for name in outputs])


def _read_group(folder: Path, group: dict):
    """The name and the value of each weight in some files, one behind the other."""
    content, start = b"".join((folder / name).read_bytes() for name in group["paths"]), 0
    for weight in group["weights"]:
        quantised = weight.get("quantization", {})
        dtype = np.dtype(quantised.get("dtype", weight["dtype"]))
        count = math.prod(weight["shape"])
        value = np.frombuffer(content, dtype, count, start).reshape(weight["shape"])
        start += count * dtype.itemsize
        if "scale" in quantised:
            value = value * quantised["scale"] + quantised["min"]
        yield weight["name"], value.astype(weight["dtype"])
