import numpy as np
import pytest

from srkit.classical.ksvd import ksvd, matching_pursuit


@pytest.fixture(scope="module")
def planted():
    """A dictionary, and samples that are each made of two of its atoms."""
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((12, 64)).astype(np.float32)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    chosen = np.argsort(rng.random((3000, 12)), axis=1)[:, :2]
    values = rng.choice([-1, 1], (3000, 2)) * rng.uniform(0.5, 2, (3000, 2))
    return atoms, (values[..., None] * atoms[chosen]).sum(axis=1).astype(np.float32)


def test_matching_pursuit_is_the_textbooks(planted):
    atoms, samples = planted
    samples = samples[:50] + np.random.default_rng(1).normal(0, 0.1, (50, 64)).astype(np.float32)
    chosen, values = matching_pursuit(samples, atoms, 3)
    for sample, indices, found in zip(samples, chosen, values, strict=True):
        left, used = sample, []
        for _ in range(3):
            used.append(np.argmax(np.abs(atoms @ left)))
            fitted = np.linalg.lstsq(atoms[used].T, sample, rcond=None)[0]
            left = sample - fitted @ atoms[used]
        np.testing.assert_array_equal(indices, used)
        np.testing.assert_allclose(found, fitted, atol=1e-4)


def test_a_planted_dictionary_is_found(planted):
    atoms, samples = planted
    learned = ksvd(samples, 12, num_nonzeros=2)
    np.testing.assert_allclose(np.linalg.norm(learned, axis=1), 1, rtol=1e-5)
    assert (np.abs(learned @ atoms.T).max(axis=0) > 0.99).sum() >= 11
