"""Models made ready for inference: traced once for images of all sizes, layers fused, in a precision."""

import functools
import threading
import weakref
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from srkit.backend import check_tensorflow
from srkit.classical import ClassicalModel
from srkit.inference.fusion import fused_layers
from srkit.inference.receptive_field import grid_px, receptive_field_px
from srkit.inference.windows import in_windows
from srkit.models import fixed_sides, scale_of
from srkit.models.graph import Graph, StandIn, functional, graph_of
from srkit.models.precision import first_layers, last_layers

_MEASURED_ON_PX = 64
_SAME_BUFFER = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient"})

_predictors: "weakref.WeakKeyDictionary[keras.Model, dict[tuple, Predictor]]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def predictor_of(model: keras.Model | ClassicalModel, precision: str) -> "Predictor | ClassicalModel":
    """A model ready for inference in `"float32"` or `"mixed_bfloat16"`: the same one each time.

    A classical method is ready as it is, and computes in float32 in any case.

    Only after the model's layers have been given other precisions there is a new one.
    """
    if isinstance(model, ClassicalModel):
        return model
    key = precision, *(layer.dtype_policy.name for layer in model.layers)
    with _lock:
        versions = _predictors.setdefault(model, {})
        if key not in versions:
            versions[key] = Predictor(model, precision)
        return versions[key]


class Predictor:
    """A model that is applied to single images, with the weights that it has at the time.

    It computes with a network of its own, in which layers are fused (see `srkit.inference.fusion`) and have the
    precision asked for. The model, which may be in training, is not changed, so that several threads can use one.

    Args:
        model: A model from LR to SR.
        precision: `"float32"` or `"mixed_bfloat16"`, whatever the model's layers compute in otherwise. The first layers
            and the last ones, which have to do with pixels, compute in float32 in any case, and so do sums: block
            after block adds to the same features, and their roundings would add up.

    Attributes:
        scale: The model's scale.
        radius_px: The model's receptive field; see `receptive_field_px`. Of a model for one size, into which images are
            cut, at most a third of its sides.
        grid_px: Where parts of an image may begin; see `grid_px`.
        bytes_per_px: Memory for intermediate results, for each LR pixel.
    """

    def __init__(self, model: keras.Model, precision: str):
        check_tensorflow()
        self.scale = scale_of(model)
        self._model = weakref.ref(model)  # held, it would never be freed
        self._network = _network(model, precision)
        self._sides = fixed_sides(model)
        self._function = self._trace((1, *self._sides, 3)) or self._call

    def __call__(self, lr: np.ndarray) -> np.ndarray:
        """float32 array of shape (height, width, 3) in [0, 255], and back `scale` times as large."""
        if any(self._sides):
            return in_windows(self._apply, lr, self._sides, self.radius_px, self.scale)
        return self._apply(lr)

    def batch(self, lrs: np.ndarray) -> np.ndarray:
        """float32 array of shape (images, height, width, 3) in [0, 255], and back `scale` times as large."""
        if any(self._sides):
            return np.stack([self(lr.astype(np.float32)) for lr in lrs])
        return np.asarray(self._batch_function(tf.constant(lrs, tf.float32)))

    @functools.cached_property
    def _batch_function(self) -> Callable:
        return self._trace((None, None, None, 3)) or self._call

    @functools.cached_property
    def radius_px(self) -> int | None:
        radius, sides = receptive_field_px(self._model()), list(filter(None, self._sides))
        if not sides:
            return radius
        return min(side // 4 for side in sides) if radius is None else min(radius, *(side // 3 for side in sides))

    @functools.cached_property
    def grid_px(self) -> int:
        return grid_px(self._model())

    @functools.cached_property
    def bytes_per_px(self) -> float:
        height, width = (side or _MEASURED_ON_PX for side in self._sides)
        function = self._trace((1, height, width, 3))
        if function is None:  # not known, then: out-of-memory errors remain
            return 0
        return _peak_bytes(function.get_concrete_function().graph) / (height * width)

    def _apply(self, lr: np.ndarray) -> np.ndarray:
        return np.asarray(self._function(tf.constant(lr[None], tf.float32))[0])

    def _trace(self, shape: tuple) -> Callable | None:
        """The network as one TensorFlow graph; None if there is none for this shape."""
        function = tf.function(self._call, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
        try:
            function.get_concrete_function()
        except tf.errors.OperatorNotAllowedInGraphError:  # Keras' bilinear and bicubic UpSampling2D need known sizes
            return None
        except Exception:
            if self._network:
                raise
            return None  # program code that needs numbers to compute with
        return function

    def _call(self, batch):
        return self._network(batch) if self._network else self._model()(batch, training=False)


class _Copies:
    """Layers of another precision that compute with a model's own weights.

    A copy has weights, since Keras layers cannot share them, but they are not used: while the copies are applied,
    `keras.StatelessScope` has those of the model stand in for them.
    """

    def __init__(self):
        self._weights = []

    def of(self, layer: keras.Operation, precision: str) -> keras.Operation:
        """The layer in a precision: itself where it has it, or has none; or cannot be copied."""
        is_single = isinstance(layer, layers.Layer) and not isinstance(layer, keras.Model)
        if not is_single or layer.dtype_policy.name == precision:
            return layer
        try:
            config = {key: "zeros" if key.endswith("_initializer") else v for key, v in layer.get_config().items()}
            copy = type(layer).from_config({**config, "dtype": precision})
            copy.dtype_policy = precision
            copy.build_from_config(layer.get_build_config() or {})
            weights = list(zip(copy.weights, layer.weights, strict=True))
            copy.load_own_variables(_own_variables(layer))  # and what a layer derives from them, as Normalization does
        except Exception:  # a layer of a user's own may raise anything; it then computes as it is
            return layer
        self._weights += weights
        return copy

    def scope(self) -> keras.StatelessScope:
        """Within it, the copies compute with the model's weights of the moment."""
        return keras.StatelessScope(state_mapping=[(copied, own.value) for copied, own in self._weights])


def _network(model: keras.Model, precision: str) -> Callable | None:
    """What a model computes, with fused layers and in a precision; None for a model that is program code."""
    graph = graph_of(model)
    if graph is None:
        return None
    exact, copies, used = first_layers(graph) | last_layers(graph), _Copies(), {}
    for call in graph.calls:
        operation = call.operation
        is_exact = operation in exact or isinstance(operation, layers.Add)
        if operation not in used:
            used[operation] = copies.of(operation, "float32" if is_exact else precision)
    fused = fused_layers(Graph([call._replace(operation=used[call.operation]) for call in graph.calls], *graph[1:]))

    def replacement(operation: keras.Operation) -> keras.Operation:
        layer = used[operation]
        return fused.get(layer) or (StandIn(operation) if layer is operation else layer)

    def call(operation: keras.Operation, *args, **kwargs):  # a batch norm, for one, was called with a mask
        return operation(args[0]) if operation in new_layers else operation(*args, **kwargs)

    new_layers = set(fused.values())
    network = keras.models.clone_model(functional(model), clone_function=replacement, call_function=call)
    network.dtype_policy = "float32"  # of the model as a whole: whatever Keras' own default is

    def apply(batch):
        with copies.scope():
            return network(batch, training=False)

    return apply


def _own_variables(layer: layers.Layer) -> dict:
    store = {}
    layer.save_own_variables(store)
    return store


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
