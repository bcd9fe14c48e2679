"""Models made ready for inference: traced once for images of all sizes, layers folded, in a precision."""

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from srkit.backend import check_tensorflow
from srkit.inference.fusion import folded
from srkit.inference.receptive_field import receptive_field_px
from srkit.models import fixed_sides, scale_of
from srkit.models.precision import set_precision

_MEASURED_ON_PX = 64
_SAME_BUFFER = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient"})

_compiled: "weakref.WeakKeyDictionary[keras.Model, dict[str, Compiled]]" = weakref.WeakKeyDictionary()


def compiled(model: keras.Model, precision: str) -> "Compiled":
    """A model ready for inference in `"float32"` or `"mixed_bfloat16"`: the same one each time."""
    versions = _compiled.setdefault(model, {})
    if precision not in versions:
        versions[precision] = Compiled(model, precision)
    return versions[precision]


class Compiled:
    """A model that is applied to single images, with the weights that it has at the time.

    Layers are folded into each other (see `srkit.inference.fusion`), in the graph only: the model, which may be in
    training, stays as it is, and so do the precisions of its layers.

    Args:
        model: From LR to SR.
        precision: `"float32"` or `"mixed_bfloat16"`, whatever the model's layers compute in otherwise. The first layers
            and the last ones, which have to do with pixels, compute in float32 in any case, and so do sums: block
            after block adds to the same features, and their roundings would add up.

    Attributes:
        scale: The model's.
        radius_px: See `receptive_field_px`.
        bytes_per_px: Memory for intermediate results, for each LR px.
    """

    def __init__(self, model: keras.Model, precision: str):
        check_tensorflow()
        self.scale = scale_of(model)
        self._model = weakref.ref(model)  # held, it would never be freed
        self._precision = precision
        self._function = self._trace((1, None, None, 3)) or self._call

    def __call__(self, lr: np.ndarray) -> np.ndarray:
        """float32 array of shape (height, width, 3) in [0, 255], and back `scale` times as large."""
        return np.asarray(self._function(tf.constant(lr[None], tf.float32))[0])

    @functools.cached_property
    def radius_px(self) -> int | None:
        return receptive_field_px(_functional(self._model()))

    @functools.cached_property
    def bytes_per_px(self) -> float:
        height, width = (side or _MEASURED_ON_PX for side in fixed_sides(self._model()))
        function = self._trace((1, height, width, 3))
        if function is None:  # not known, then: out-of-memory errors remain
            return 0
        return _peak_bytes(function.get_concrete_function().graph) / (height * width)

    def _trace(self, shape: tuple) -> Callable | None:
        """The model as one graph; None if there is none for this shape."""
        function = tf.function(self._call, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
        try:
            function.get_concrete_function()
        except tf.errors.OperatorNotAllowedInGraphError:  # Keras' bilinear and bicubic UpSampling2D need known sizes
            return None
        return function

    def _call(self, batch):
        model = _functional(self._model())
        with _computing_in(model, self._precision):
            replaced = folded(model)
            if not replaced:
                return model(batch, training=False)
            return model._run_through_graph(batch, operation_fn=lambda layer: replaced.get(layer, layer))


def _functional(model: keras.Model) -> keras.Model:
    """A sequential model as a functional one."""
    return getattr(model, "_functional", None) or model


@contextlib.contextmanager
def _computing_in(model: keras.Model, precision: str) -> Iterator[None]:
    """Within it, the model's layers have another precision; a graph that is traced there keeps it."""
    if not hasattr(model, "_nodes_by_depth"):  # a model that is program code: its layers are not known
        yield
        return
    before = [(layer, layer.dtype_policy) for layer in model.layers]
    first_layers = _first_layers(model)
    try:
        set_precision(model, precision)
        for layer in model.layers:
            if layer in first_layers or isinstance(layer, layers.Add):
                layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy


def _first_layers(model: keras.Model) -> set[layers.Layer]:
    """The layers from the input to the first ones with weights: bfloat16 has too few digits for the pixels."""
    found, pixels = set(), set()
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if pixels.issuperset(map(id, node.input_tensors)):
                found.add(node.operation)
                pixels.update(() if node.operation.weights else map(id, node.outputs))
    return found


def _peak_bytes(graph: tf.Graph) -> int:
    """The largest sum of what is alive at one time, of all tensors that depend on the graph's first input."""
    operations = graph.get_operations()
    buffers, last_reader = {}, {}
    for index, operation in enumerate(operations):
        read = [buffers[tensor.name] for tensor in operation.inputs if tensor.name in buffers]
        last_reader.update(dict.fromkeys(read, index))
        if read or index == 0:
            shared = read and operation.type in _SAME_BUFFER
            buffers.update({tensor.name: read[0] if shared else tensor.name for tensor in operation.outputs})
    alive, peak = {}, 0
    for index, operation in enumerate(operations):
        for tensor in operation.outputs:
            if buffers.get(tensor.name) == tensor.name:
                alive[tensor.name] = (tensor.shape.num_elements() or 0) * tensor.dtype.size
        peak = max(peak, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last_reader.get(name, -1) > index}
    return peak
