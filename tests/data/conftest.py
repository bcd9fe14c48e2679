"""Folders of photographs, and a folder for caches."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(cat, tmp_path) -> Path:
    """A folder of eight different photographs: nested, several formats, odd names, two sizes."""
    folder = tmp_path / "my photos"
    names = ["a.png", "B.JPG", "c d.webp", "nested/é.png", "nested/deep/e.bmp", "f.jpeg", "g.tiff", "h.png"]
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        crop = np.roll(cat, 37 * index, axis=1)[: 201 + 20 * (index % 2), : 150 + index]
        Image.fromarray(crop).save(path)
    return folder


@pytest.fixture
def store(tmp_path) -> Path:
    return tmp_path / "cache"
