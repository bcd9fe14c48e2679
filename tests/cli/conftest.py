import pytest
from PIL import Image

from srkit import models, save_weights


@pytest.fixture
def weights(tmp_path) -> str:
    save_weights(models.edsr(2, filters=4, num_blocks=1), tmp_path / "toy.weights.h5")
    return str(tmp_path / "toy.weights.h5")


@pytest.fixture
def photos(tmp_path, cat):
    folder = tmp_path / "family photos"
    for name in ("a.png", "1999/b.jpg", "1999/c.webp"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cat[:20, :30]).save(path)
    return folder
