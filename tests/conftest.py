"""Real small photographs for all tests."""

import keras
import numpy as np
import pytest
from skimage import data as photographs

from srkit import data


@pytest.fixture(scope="session")
def cat() -> np.ndarray:
    """A photograph of a cat, 451x300 px, uint8 RGB."""
    return photographs.chelsea()


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> tuple[data.Pairs, data.Pairs]:
    """Train and valid pairs at x4 from four of the sample photographs."""
    return data.samples(num_images=4, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def vgg_weights(tmp_path_factory):
    """A file in the layout of VGG19's weights: the loss's arithmetic does not depend on what is in it."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.weights.h5"
    keras.utils.set_random_seed(0)
    keras.applications.VGG19(include_top=False, weights=None).save_weights(path)
    return path
