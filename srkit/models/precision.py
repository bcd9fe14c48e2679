"""What models compute in: float32, or bfloat16 where that is faster."""

import functools
import statistics
import time

import keras
import tensorflow as tf

PRECISIONS = ("auto", "float32", "mixed_bfloat16")

_MATRIX_SIZE, _REPEATS = 1024, 9
_WORTHWHILE = 1.25  # casts eat up a smaller advantage


def set_precision(model: keras.Model, precision: str) -> None:
    """Has a model compute in `"float32"` or `"mixed_bfloat16"`.

    Weights stay float32, and so do the last layers with weights and all behind them: bfloat16 has three significant
    digits, too few for the pixels themselves.
    """
    exact = _last_layers(model)
    for layer in model.layers:
        layer.dtype_policy = keras.dtype_policies.get("float32" if layer in exact else precision)


def _last_layers(model: keras.Model) -> set[keras.layers.Layer]:
    """The layers from the outputs back to the last ones with weights."""
    found, tensors = set(), list(model.outputs)
    while tensors:
        history = tensors.pop()._keras_history
        found.add(history.operation)
        if not history.operation.weights:
            tensors += history.operation._inbound_nodes[history.node_index].input_tensors
    return found


@functools.cache
def fastest_precision() -> str:
    """The faster of `"float32"` and `"mixed_bfloat16"` on this machine, found by timing both (a fifth of a second)."""
    seconds = {dtype: _seconds_per_product(dtype) for dtype in ("float32", "bfloat16")}
    return "mixed_bfloat16" if seconds["float32"] > _WORTHWHILE * seconds["bfloat16"] else "float32"


def _seconds_per_product(dtype: str) -> float:
    """Median time of a product of two matrices."""
    matrix = tf.cast(tf.random.stateless_normal((_MATRIX_SIZE, _MATRIX_SIZE), seed=(0, 0)), dtype)
    tf.matmul(matrix, matrix).numpy()  # the first one also loads kernels
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
