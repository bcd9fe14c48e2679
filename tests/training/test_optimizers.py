import keras
import numpy as np
import pytest
from toys import toy

from srkit.training.optimizers import Muon, orthogonal


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
