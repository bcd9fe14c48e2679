"""A folder of HR images."""

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def folder(cat, tmp_path) -> Path:
    """Six HR images of different contents, none a multiple of 4 each way, one of them greyscale."""
    folder = tmp_path / "hr"
    folder.mkdir()
    for index in range(5):
        Image.fromarray(cat[40 * index : 40 * index + 61, 50 * index : 50 * index + 70]).save(folder / f"{index}.png")
    Image.fromarray(cat[100:161, 100:170]).convert("L").save(folder / "grey.png")
    return folder
