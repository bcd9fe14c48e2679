"""The weights that come with the kit: how each was made, how it scores, and its file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srkit.errors import InputError


@dataclass(frozen=True)
class Preset:
    """Weights that come with the kit; more about each in the card, `weights/README.md`.

    Attributes:
        description: One line for a person.
        sha256: Of its file; checked at each load.
        recipe: The model's builder, as `"model"`, and its arguments.
        num_parameters: Of the model.
        data: The photographs it was trained on.
        steps: Of training.
        hours: That they took.
        hardware: On which.
        command: That trains the like of it, on any photographs.
        kernel: By which the LR of its training was made.
        scores: PSNR in dB and SSIM on benchmark sets, by the `edsr` protocol.
        first_psnr: PSNR in dB on Set5's first image, `baby`, alone.
    """

    description: str
    sha256: str
    recipe: Mapping[str, str | int]
    num_parameters: int
    data: str
    steps: int
    hours: float
    hardware: str
    command: str
    kernel: str = "bicubic"
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_psnr: float | None = None


_SOURCES = "CID22, gb82, BSDS500 and T91"
_EPYC = "two virtual cores of an AMD EPYC"
_AMX = "two virtual cores of an Intel Xeon with AMX"
_AMX_AND_EPYC = "two virtual cores of an Intel Xeon with AMX, then one of an AMD EPYC"
_SRGAN_DATA = f"721 photographs of {_SOURCES}, then 704 of them and 620 dogs of ImageNet and Asirra"
_SRGAN_COMMAND = (
    "python -m srkit train gan --data FOLDER --halve-jpeg --steps 12323 --run runs/srgan-x4 --generator srresnet-x4 "
    "--loss vgg54=1 adversarial=2e-2 colour=20 checkerboard=0.8 spectrum=2 --freeze-batch-norm "
    "--discriminator-filters 16 --batch-size 8 --learning-rate 1e-4 --schedule cosine --ema 0.999 "
    "--precision float32"
)

PRESETS: dict[str, Preset] = {
    "edsr-small-x4": Preset(
        description="EDSR with 32 filters and 8 blocks: for old machines and many photographs",
        sha256="4a528f020ada30bfdbd660d8f4f91e4eeef97fbf5c10e10c926c23b549f71954",
        recipe={"model": "edsr", "scale": 4, "filters": 32, "num_blocks": 8},
        num_parameters=232_963,
        data=f"578 photographs of {_SOURCES}",
        steps=14_000,
        hours=0.7,
        hardware=f"{_EPYC}, which also did other work",
        command="python -m srkit train pre --data FOLDER --steps 14000 --run runs/edsr-small-x4 --model edsr "
        "--filters 32 --num-blocks 8 --loss l1=1 --learning-rate 1e-3 --schedule cosine --precision mixed_bfloat16",
        scores={"Set5": (30.84, 0.8713), "Set14": (27.80, 0.7605)},
        first_psnr=33.386,
    ),
    "edsr-x4": Preset(
        description="EDSR's baseline, 64 filters and 16 blocks: true to the photograph",
        sha256="2169a3c4705d420dae8c419bf3d21fb0d2901f662db124b5bd58ba125779a667",
        recipe={"model": "edsr", "scale": 4},
        num_parameters=1_517_571,
        data=f"721 photographs of {_SOURCES}, then 620 dogs of ImageNet and Asirra as well",
        steps=60_000,
        hours=8.0,
        hardware=f"{_AMX_AND_EPYC}, which also did other work",
        command="python -m srkit train pre --data FOLDER --steps 60000 --run runs/edsr-x4 --model edsr --loss l1=1 "
        "--optimizer muon --learning-rate 1e-3 --schedule cosine --ema 0.999 --precision mixed_bfloat16",
        scores={"Set5": (31.76, 0.8889), "Set14": (28.33, 0.7746)},
        first_psnr=33.591,
    ),
    "edsr-x2": Preset(
        description="the same for x2",
        sha256="f1c28aa6e17750154e048cda40953cdff97aebf5d64d02a3926f330233d23681",
        recipe={"model": "edsr", "scale": 2},
        num_parameters=1_369_859,
        data=f"721 photographs of {_SOURCES}",
        steps=2_500,
        hours=0.2,
        hardware=f"{_AMX}, which also did other work",
        command="python -m srkit train pre --data FOLDER --steps 2500 --run runs/edsr-x2 --model edsr --scale 2 "
        "--start-from edsr-x4 --patch-size 64 --loss l1=1 --optimizer muon --learning-rate 5e-4 --schedule cosine "
        "--ema 0.999 --precision mixed_bfloat16",
        scores={"Set5": (37.34, 0.9576), "Set14": (33.05, 0.9123)},
        first_psnr=38.640,
    ),
    "edsr-x3": Preset(
        description="the same for x3",
        sha256="6da21a24d6244f26931c256960df36b40328c3b5182e8f7306a55104ecb8a16e",
        recipe={"model": "edsr", "scale": 3},
        num_parameters=1_554_499,
        data=f"721 photographs of {_SOURCES}",
        steps=2_000,
        hours=0.15,
        hardware=f"{_AMX}, which also did other work",
        command="python -m srkit train pre --data FOLDER --steps 2000 --run runs/edsr-x3 --model edsr --scale 3 "
        "--start-from edsr-x2 --patch-size 72 --loss l1=1 --optimizer muon --learning-rate 5e-4 --schedule cosine "
        "--ema 0.999 --precision mixed_bfloat16",
        scores={"Set5": (33.67, 0.9204), "Set14": (29.88, 0.8324)},
        first_psnr=35.377,
    ),
    "srresnet-x4": Preset(
        description="SRResNet, the generator that srgan-x4 began with",
        sha256="f8832feb68458bf1d1c3c21b9ce3adffff5cdfb01957e323dc4704b011aac075",
        recipe={"model": "srresnet", "scale": 4},
        num_parameters=1_554_883,
        data=f"721 photographs of {_SOURCES}",
        steps=11_000,
        hours=1.4,
        hardware=f"{_AMX}, which also did other work",
        command="python -m srkit train pre --data FOLDER --steps 11000 --run runs/srresnet-x4 --model srresnet "
        "--loss l1=1 --optimizer muon --learning-rate 1e-3 --schedule cosine --ema 0.999 --precision mixed_bfloat16",
        scores={"Set5": (31.51, 0.8849), "Set14": (28.17, 0.7703)},
        first_psnr=33.522,
    ),
    "srgan-x4": Preset(
        description="SRGAN: sharp, with texture that is partly invented",
        sha256="7bb4df182eb446aed4682cc43dd8b5fd0e3ef2cf6195bf684a199a734d4fe0ad",
        recipe={"model": "srresnet", "scale": 4},
        num_parameters=1_554_883,
        data=_SRGAN_DATA,
        steps=12_323,
        hours=5.3,
        hardware=f"{_AMX_AND_EPYC}, which also did other work",
        command=_SRGAN_COMMAND,
        scores={"Set5": (29.05, 0.8292), "Set14": (26.30, 0.6978)},
        first_psnr=29.945,
    ),
    "srgan-discriminator-x4": Preset(
        description="its discriminator, for crops of 96x96 px",
        sha256="d9c45034173bff4692e9c157160f1108c572e7f388a9b945f1f1855484947b0a",
        recipe={"model": "discriminator", "patch_size": 96, "filters": 16},
        num_parameters=5_016_017,
        data=_SRGAN_DATA,
        steps=12_323,
        hours=4.4,
        hardware=f"{_AMX_AND_EPYC}, which also did other work",
        command=_SRGAN_COMMAND,
    ),
}
GENERATORS = tuple(name for name, preset in PRESETS.items() if preset.recipe["model"] != "discriminator")
DEFAULT_PRESET = "edsr-x4"


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
