"""The weights that come with the kit, as `weights/*.json` describe them: how each was made, its scores, its file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srkit.classical import UNTRAINED
from srkit.errors import InputError

DEFAULT_SCALE = 4


@dataclass(frozen=True)
class Preset:
    """Weights that come with the kit, as the file `weights/NAME.json` describes them; `weights/README.md` says more.

    Attributes:
        description: One line for a person.
        sha256: The checksum of the weights' file, checked at each load.
        config: The model's builder, as `"model"`, and its arguments.
        num_parameters: Number of the model's parameters.
        data: The photographs it was trained on.
        kernel: The kernel that made the LR images of its training.
        steps: Number of training steps; 0 for a classical method, which has none.
        hours: Hours that the training took.
        hardware: The machines it was trained on.
        command: A command that trains a model like it, on any photographs.
        scores: PSNR in dB and SSIM on benchmark sets, by the `edsr` protocol.
        first_image_psnr_db: PSNR in dB on Set5's first image, `baby`, alone.
    """

    description: str
    sha256: str
    config: Mapping[str, str | int]
    num_parameters: int
    data: str
    kernel: str
    steps: int
    hours: float
    hardware: str
    command: str
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_image_psnr_db: float | None = None


def weights_dir() -> Path:
    """The folder of the presets' files: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "pretrained"
    return installed if installed.is_dir() else package.parent / "weights"


def preset_path(name: str) -> Path:
    """The file of a preset, `NAME.weights.h5`.

    Raises:
        InputError: It is missing, or not the one that was published.
    """
    path = weights_dir() / f"{name}.weights.h5"
    if not path.is_file():
        raise InputError(f"The preset's file {path} is missing: install srkit anew.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != PRESETS[name].sha256:
        raise InputError(f"{path} is not the file that was published (its SHA-256 differs): install srkit anew.")
    return path


def preset_for(scale: float | None, family: str = "edsr") -> str:
    """The preset of a family for a factor: the one of that scale if there is one, else the one of x4.

    >>> preset_for(2), preset_for(2.5)
    ('edsr-x2', 'edsr-x4')
    """
    preset = f"{family}-x{scale or DEFAULT_SCALE:g}"
    return preset if preset in PRESETS else f"{family}-x{DEFAULT_SCALE}"


def _read_presets() -> dict[str, Preset]:
    files = sorted(weights_dir().glob("*.json"))
    return {file.stem: Preset(**json.loads(file.read_text(encoding="utf-8"))) for file in files}


PRESETS = _read_presets()
GENERATORS = tuple(name for name, preset in PRESETS.items() if preset.config["model"] != "discriminator")
MODEL_NAMES = (*GENERATORS, *UNTRAINED)  # of models from LR to SR that need no file of the user's
