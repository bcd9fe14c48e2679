import keras
import numpy as np
import pytest
from toys import toy

from srkit.training import Muon, TrainOptions
from srkit.training.muon import orthogonal
from srkit.training.optimizers import build_optimizer, clipnorm_of


@pytest.mark.parametrize("shape", [(27, 8), (8, 27), (16, 16)])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_singular_values_become_about_one_and_their_directions_stay(shape, scale):
    matrix = np.random.default_rng(0).normal(size=shape).astype(np.float32) * scale
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    values = u.T @ np.asarray(orthogonal(keras.ops.convert_to_tensor(matrix))) @ vt.T
    gains = np.diag(values)
    assert gains.min() > 0.6 and gains.max() < 1.3
    np.testing.assert_allclose(values - np.diag(gains), 0, atol=1e-2)


def steps_of(optimizer, model, count=2) -> dict[str, np.ndarray]:
    """How far each weight is moved by steps along gradients of very different sizes."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    before = {variable.path: np.array(variable) for variable in model.trainable_variables}
    for _ in range(count):
        sizes = rng.choice([1e-4, 10.0], len(before))
        gradients = [rng.normal(size=v.shape) * size for v, size in zip(before.values(), sizes)]
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients], model.trainable_variables)
    return {variable.path: np.array(variable) - before[variable.path] for variable in model.trainable_variables}


def test_kernels_between_features_go_by_muon_and_the_others_by_adam():
    model = toy("edsr")
    weights = model.get_weights()
    adam = steps_of(keras.optimizers.Adam(0.01), model)
    model.set_weights(weights)
    muon = steps_of(Muon(0.01), model)
    same = {path for path in adam if np.array_equal(adam[path], muon[path])}
    kernels = {v.path for v in model.trainable_variables if v.path.endswith("kernel") and min(v.shape[2:]) > 3}
    assert kernels and same == set(adam) - kernels
    for path in kernels:  # the size of Adam's, whatever the gradient's
        rms = np.sqrt(np.mean(np.square(muon[path]))) / 2
        assert 0.01 * 0.2 * 0.5 < rms < 0.01 * 0.2 * 1.5


def test_muon_is_saved_and_loaded_with_its_type():
    config = keras.optimizers.serialize(Muon(0.5, compute_dtype="bfloat16", beta_1=0.8))
    again = keras.optimizers.deserialize(config)
    assert type(again) is Muon
    assert (again.compute_dtype, again.beta_1, float(again.learning_rate)) == ("bfloat16", 0.8, 0.5)


def test_muon_keeps_no_velocities_for_its_kernels():
    model = toy("edsr")
    optimizer = Muon()
    optimizer.build(model.trainable_variables)
    velocities = [variable.path for variable in optimizer.variables if variable.path.endswith("velocity")]
    others = [v for v in model.trainable_variables if len(v.shape) != 4 or min(v.shape[2:]) <= 3]
    assert len(velocities) == len(others) < len(model.trainable_variables)


def test_a_keras_optimizer_is_copied_and_clips_nothing_itself():
    options = TrainOptions(optimizer=keras.optimizers.SGD(0.25, momentum=0.9, global_clipnorm=2.0))
    model = toy("edsr")
    copy = build_optimizer(options, model.trainable_variables, "generator", "float32")
    assert copy is not options.optimizer and not options.optimizer.built
    assert (copy.momentum, copy.global_clipnorm, float(copy.learning_rate)) == (0.9, None, 0.25)
    assert clipnorm_of(options) == options.optimizer.global_clipnorm == 2.0
