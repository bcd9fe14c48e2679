import pytest


@pytest.fixture
def valid(samples):
    return samples[1].take(1)
