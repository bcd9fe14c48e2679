"""PReLU's gradient, which is written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from srkit.models.layers import PReLU
from srkit.models.subpixel import SubPixelPReLU


class KerasPReLU(keras.layers.PReLU):
    """Keras' own, with its slopes written out for a shuffle that comes later."""

    def call(self, inputs):
        repeats = inputs.shape[-1] // self.alpha.shape[-1]
        return keras.ops.relu(inputs) - keras.ops.tile(self.alpha, (1, 1, repeats)) * keras.ops.relu(-inputs)


@pytest.mark.parametrize("layer", [PReLU(), SubPixelPReLU(2), PReLU(shared_axes=[1])])
def test_values_and_gradients_are_those_of_keras(layer):
    inputs = tf.random.stateless_normal((2, 5, 6, 8), (1, 2))
    layer.build((None, 5, 6, 8))
    layer.alpha.assign(np.random.default_rng(0).random(layer.alpha.shape))
    reference = KerasPReLU(shared_axes=layer.shared_axes)
    reference.build((None, 5, 6, layer.alpha.shape[-1]))
    reference.input_spec = None
    reference.alpha.assign(layer.alpha)
    results = []
    for each in (layer, reference):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.sin(each(inputs)))
        results.append([loss, *tape.gradient(loss, [inputs, each.alpha.value])])
    for mine, expected in zip(*results):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-5)


def test_tensorflows_layout_optimizer_for_gpus_takes_the_gradient():
    """Where it cannot transpose an operation, no convolution of the graph gets the layout that GPUs compute in."""
    tf_optimizer = pytest.importorskip("tensorflow.python.grappler.tf_optimizer")
    cluster = pytest.importorskip("tensorflow.python.grappler.cluster")
    from tensorflow.core.protobuf import config_pb2, device_properties_pb2, rewriter_config_pb2
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = keras.Input((24, 24, 3))
    features = PReLU()(keras.layers.Conv2D(8, 3, padding="same")(image))
    model = keras.Model(image, keras.layers.Conv2D(8, 3, padding="same")(features))

    @tf.function(autograph=False)
    def gradients(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(batch) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    concrete = gradients.get_concrete_function(tf.TensorSpec((16, 24, 24, 3)))
    graph = convert_variables_to_constants_v2(concrete).graph
    definition, device = graph.as_graph_def(), "/job:localhost/replica:0/task:0/device:GPU:0"
    for node in definition.node:
        node.device = device
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=definition, graph=graph)
    meta_graph.graph_def.CopyFrom(definition)
    outputs = [node.name for node in definition.node if node.name.startswith("Identity")]
    meta_graph.collection_def["train_op"].node_list.value.extend(outputs)
    properties = device_properties_pb2.DeviceProperties(
        type="GPU", vendor="NVIDIA", num_cores=60, environment={"architecture": "9.0", "cudnn": "90000"}
    )
    card = cluster.Cluster(devices=[device_properties_pb2.NamedDevice(name=device, properties=properties)])
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers.append("layout")
    config.graph_options.rewrite_options.min_graph_nodes = -1
    config.graph_options.rewrite_options.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.ONE
    optimized = tf_optimizer.OptimizeGraph(config, meta_graph, cluster=card, strip_default_attributes=False)
    layouts = [node.attr["data_format"].s for node in optimized.node if node.op.startswith("Conv2D")]
    assert layouts and set(layouts) == {b"NCHW"}
