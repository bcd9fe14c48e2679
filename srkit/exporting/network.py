"""A model as one TensorFlow function with its weights inside, of operations that other runtimes have."""

import keras
import tensorflow as tf
from keras import layers, ops
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from srkit.errors import InputError
from srkit.inference.fusion import fused_norms
from srkit.models import computing_in, fixed_sides
from srkit.models.graph import StandIn, functional, graph_of
from srkit.models.layers import PReLU
from srkit.models.subpixel import PixelShuffle, SubPixelConv2D, before_shuffle


def frozen(model: keras.Model, uint8: bool) -> tf.Module:
    """A module whose function `upscale`, from `lr` to `{"sr": …}`, computes what a model does in float32.

    Args:
        model: A model of one scale, for images of any size or of one. It is left as it is.
        uint8: Whether images are uint8, and the result is rounded; otherwise both are float32 in [0, 255].

    Raises:
        InputError: The model is program code, without a graph of layers.
    """
    signature = [tf.TensorSpec((None, *fixed_sides(model), 3), tf.uint8 if uint8 else tf.float32, name="lr")]
    with computing_in(model, "float32"):
        network = _network(model)

        def compute(lr):
            sr = network(tf.cast(lr, tf.float32), training=False)
            return tf.cast(tf.clip_by_value(tf.round(sr), 0, 255), tf.uint8) if uint8 else sr

        traced = tf.function(compute, signature, autograph=False).get_concrete_function()
    constant = convert_variables_to_constants_v2(traced)
    module = tf.Module()
    module.upscale = tf.function(lambda lr: {"sr": constant(lr)[0]}, signature, autograph=False)
    return module


def _network(model: keras.Model) -> keras.Model:
    """A copy that shares the model's weights, with batch norms in convolutions, in operations that others have."""
    graph = graph_of(model)
    if graph is None:
        raise InputError(f"{model.name} is program code: models with a graph of Keras layers can be exported.")
    replaced = fused_norms(graph)
    for call in graph.calls:
        if isinstance(call.operation, PReLU | PixelShuffle | SubPixelConv2D):
            replaced[call.operation] = _Portable(call.operation)
    new_layers = set(replaced.values())

    def call(operation: keras.Operation, *args, **kwargs):  # a batch norm, for one, was called with a mask
        return operation(args[0]) if operation in new_layers else operation(*args, **kwargs)

    network = keras.models.clone_model(
        functional(model),
        clone_function=lambda operation: replaced.get(operation) or StandIn(operation),
        call_function=call,
    )
    network.dtype_policy = "float32"
    return network


class _Portable(layers.Layer):
    """A layer of srkit's by operations that all runtimes have, and without gradients."""

    def __init__(self, layer: PReLU | PixelShuffle | SubPixelConv2D):
        super().__init__(dtype="float32")
        self.layer = layer

    def call(self, inputs):
        layer = self.layer
        if isinstance(layer, PReLU):
            return tf.nn.relu(inputs) - layer.slopes(inputs) * tf.nn.relu(-inputs)
        if isinstance(layer, PixelShuffle):
            return tf.nn.depth_to_space(inputs, layer.scale)
        x = ops.conv(inputs, before_shuffle(layer.kernel, layer.scale), padding="same")
        return layer.activation(tf.nn.depth_to_space(x, layer.scale) + layer.bias)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)
