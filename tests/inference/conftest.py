import pytest

from srkit.inference import tiles as tiling
from srkit.inference import upscaling


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of at most 16 px, whatever the memory; a model that cannot be cut stays whole."""

    def grid(height, width, radius, _):
        return (1, 1) if radius is None else (-(-height // 16), -(-width // 16))

    monkeypatch.setattr(upscaling, "_SMALL_PX", 0)
    monkeypatch.setattr(tiling, "_grid", grid)
