import pytest
from PIL import Image

from srkit import models, save_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "toy.weights.h5"
    save_weights(models.edsr(2, filters=4, num_blocks=1), path)
    return str(path)


@pytest.fixture
def photos(tmp_path, cat):
    folder = tmp_path / "family photos"
    for name in ("a.png", "1999/b.jpg", "1999/c.webp"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cat[:20, :30]).save(path)
    return folder
