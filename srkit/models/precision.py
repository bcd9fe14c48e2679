"""What models compute in: float32, or bfloat16 where that is faster."""

import contextlib
import functools
import statistics
import time
from collections.abc import Iterator

import keras
from keras import ops

from srkit.models.graph import Graph, graph_of

_MATRIX_SIZE, _MATRIX_SIZE_ON_A_GPU, _REPEATS = 1024, 4096, 9
_LAUNCH_SECONDS = 1e-3  # a product that takes less tells how fast it is called, not how fast it is
_WORTHWHILE = 1.25  # casts eat up a smaller advantage


@contextlib.contextmanager
def computing_in(model: keras.Model, precision: str) -> Iterator[None]:
    """Has a model compute in a precision within a `with` block; after it, its layers are as they were.

    Weights stay float32, and so do the last layers with weights and all behind them: bfloat16 has three significant
    digits, too few for the pixels themselves. A model that is program code is left as it is, since its last layers are
    not known.

    ```python
    with computing_in(model, "mixed_bfloat16"):
        sr = model(lr[None].astype("float32"))[0]
    ```

    Args:
        model: The model whose layers change.
        precision: `"float32"` or `"mixed_bfloat16"`.
    """
    before = [(layer, layer.dtype_policy) for layer in model.layers]
    try:
        set_precision(model, precision)
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy


def set_precision(model: keras.Model, precision: str) -> None:
    """Has a model compute in a precision for good; see `computing_in`."""
    graph = graph_of(model)
    if graph is None:
        return
    exact = last_layers(graph)
    for layer in model.layers:
        layer.dtype_policy = keras.dtype_policies.get("float32" if layer in exact else precision)


def last_layers(graph: Graph) -> set[keras.Operation]:
    """The operations from the outputs back to the last ones with weights, these included."""
    found, pixels = set(), set(graph.outputs)
    for call in reversed(graph.calls):
        if pixels & set(call.outputs):
            found.add(call.operation)
            pixels |= set() if has_weights(call.operation) else set(call.inputs)
    return found


def first_layers(graph: Graph) -> set[keras.Operation]:
    """The operations from the inputs to the first ones with weights, these included."""
    found, pixels = set(), set(graph.inputs)
    for call in graph.calls:
        if pixels >= set(call.inputs):
            found.add(call.operation)
            pixels |= set() if has_weights(call.operation) else set(call.outputs)
    return found


def has_weights(operation: keras.Operation) -> bool:
    """Whether it is a layer with weights; operations such as `keras.ops.clip` have none."""
    return bool(getattr(operation, "weights", ()))


@functools.cache
def fastest_precision() -> str:
    """The faster of `"float32"` and `"mixed_bfloat16"` on this machine, found by timing both (a fifth of a second)."""
    for size in (_MATRIX_SIZE, _MATRIX_SIZE_ON_A_GPU):
        seconds = {dtype: _seconds_per_product(dtype, size) for dtype in ("float32", "bfloat16")}
        if seconds["float32"] > _LAUNCH_SECONDS:
            break
    return "mixed_bfloat16" if seconds["float32"] > _WORTHWHILE * seconds["bfloat16"] else "float32"


def _seconds_per_product(dtype: str, size: int) -> float:
    """Median time of a product of two matrices, of which one number is fetched: a GPU is slow to hand over all."""
    matrix = ops.cast(keras.random.normal((size, size), seed=0), dtype)
    ops.convert_to_numpy(ops.matmul(matrix, matrix)[:1, :1])  # the first one also loads kernels
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        ops.convert_to_numpy(ops.matmul(matrix, matrix)[:1, :1])
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
