"""Sources of photographs: the samples, Stanford Dogs, DIV2K, and folders."""

import os
from importlib.util import find_spec
from pathlib import Path

from srkit.data.download import download, photographs_in_tar
from srkit.data.folders import data_dir
from srkit.data.matching import match_lr
from srkit.data.pairs import Pairs
from srkit.data.photograph import Photograph, photographs_in, stamp_of
from srkit.data.split import PairOptions, make_pairs
from srkit.data.table import SOURCES
from srkit.errors import InputError
from srkit.image import Degradation

# Photographs that come inside installed packages: nothing to download. Microscopy, drawings and text stay out.
_SAMPLES_TRAIN = (
    "skimage/data/astronaut.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/camera.png",
    "skimage/data/coins.png",
    "skimage/data/hubble_deep_field.jpg",
    "skimage/data/brick.png",
    "skimage/data/grass.png",
    "skimage/data/gravel.png",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
)
_SAMPLES_VALID = ("skimage/data/chelsea.png", "skimage/data/coffee.png", "skimage/data/rocket.jpg")


def samples(**options) -> tuple[Pairs, Pairs]:
    """The natural photographs inside the installed scikit-image and matplotlib. They need no network.

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        The pairs `(train, valid)`. Those for validation are a cat, a cup and a rocket.

    Raises:
        InputError: One of the two packages is not installed.

    ```python
    train, valid = srkit.data.samples(scale=4)
    lr, hr = valid[0]
    ```
    """
    splits = [[_package_file(name) for name in names] for names in (_SAMPLES_TRAIN, _SAMPLES_VALID)]
    return make_pairs("samples", *splits, PairOptions(**options))


def stanford_dogs(**options) -> tuple[Pairs, Pairs]:
    """Stanford Dogs (Khosla et al. 2011): 20,580 photographs of 120 breeds.

    Where `data_dir()`, or a folder in it, holds the official layout (`Images/WNID-breed/*.jpg`, or `images.tar`), that
    is used. Otherwise TensorFlow Datasets downloads the photographs (750 MB), and they are laid out like that.

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        The pairs `(train, valid)`: four fifths and one fifth of the chosen photographs.

    Raises:
        InputError: The photographs are not there and cannot be downloaded.
    """
    photographs = _find_official_dogs()
    if not photographs:
        target = data_dir() / "stanford_dogs" / "Images"
        download("stanford_dogs", {"train": target, "test": target}, _dog_path)
        photographs = photographs_in(target)
    return make_pairs("stanford_dogs", photographs, [], PairOptions(**options))


def div2k(**options) -> tuple[Pairs, Pairs]:
    """DIV2K (Agustsson and Timofte 2017): 800 photographs to train on and 100 to validate, about 2040x1400 px.

    Where `data_dir()`, or a folder in it, holds `DIV2K_train_HR` and `DIV2K_valid_HR`, these are used. Otherwise
    TensorFlow Datasets downloads them (3.5 GB).

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        The pairs `(train, valid)`, split as published.

    Raises:
        InputError: The photographs are not there and cannot be downloaded.
    """
    names = ("DIV2K_train_HR", "DIV2K_valid_HR")
    complete = (root for root in _roots() if all((root / name).is_dir() for name in names))
    root = next(complete, None)
    if root is None:
        root = data_dir() / "div2k"
        folders = dict(zip(("train", "validation"), (root / name for name in names), strict=True))
        download("div2k/bicubic_x4", folders, lambda example, index: f"{index + 1:04}.png")
    splits = [photographs_in(root / name, prefix=f"{name}/") for name in names]
    return make_pairs("div2k", *splits, PairOptions(**options))


def folder(
    path: "str | os.PathLike",
    num_images: int | None = None,
    seed: int = 0,
    scale: int = 4,
    degradation: "str | Degradation" = "bicubic",
    lr: "str | os.PathLike | None" = None,
    min_size: int = 96,
    cache_dir: "str | os.PathLike | None" = None,
    halve_jpeg: bool = False,
) -> tuple[Pairs, Pairs]:
    """All photographs below a folder: any names, nested, any formats and sizes.

    Copies of one photograph count once.

    Args:
        path: The folder. Where it holds the folders `train` and `valid`, these are the two splits.
        num_images: Number of photographs to choose, for training and validation together. Default: all.
        seed: Decides which photographs are chosen, and which of them are for validation.
        scale: HR side / LR side: 2, 3, 4 or 8.
        degradation: How LR is made from HR: `"bicubic"`, `"opencv"`, `"gaussian"`, `"jpeg75"` (or another quality),
            `"realistic"`, which is drawn anew for each crop, or a `srkit.image.Degradation` of your own.
        lr: A folder with LR images made elsewhere, in place of a degradation. They have the names of their HR, also
            with `x4` or `_x4` (the scale) behind them, or `LR` in place of a final `HR`. HR whose sides are no
            multiple of the scale is cut at its bottom and right.
        min_size: Photographs with a shorter side, in pixels, are left out.
        cache_dir: Folder of the caches of pairs. Default: `srkit.data.folders.default_cache_dir()`.
        halve_jpeg: Downscale JPEG photographs to half their sides first, which removes the traces of compression. A
            discriminator takes these for the mark of an original, and the generator learns to draw them.

    Returns:
        The pairs `(train, valid)`: as the folder is split, or four fifths and one fifth of the chosen photographs.

    Raises:
        InputError: There is no such folder, it holds fewer than two usable photographs, or one has no LR.

    ```python
    train, valid = srkit.data.folder("holidays", scale=2, degradation="realistic")
    train, valid = srkit.data.folder("camera/sharp", lr="camera/small", scale=4)
    ```
    """
    path = Path(path)
    splits = [path / "train", path / "valid"]
    if all(split.is_dir() for split in splits):
        photographs, valid = (photographs_in(split, prefix=f"{split.name}/") for split in splits)
    else:
        photographs, valid = photographs_in(path), []
    if lr is not None:
        if degradation != "bicubic" or halve_jpeg:
            raise InputError("LR images of your own are taken as they are: leave degradation and halve_jpeg out.")
        photographs, valid = _with_lr(path, [photographs, valid], Path(lr), scale)
    options = PairOptions(num_images, seed, scale, degradation, min_size, cache_dir, halve_jpeg)
    return make_pairs(path.name or "folder", photographs, valid, options)


def load(source: "str | os.PathLike", **options) -> tuple[Pairs, Pairs]:
    """A source by its name, or a folder by its path.

    Args:
        source: `"samples"`, `"stanford_dogs"`, `"div2k"`, or a folder of photographs: its path, or its path below
            `data_dir()`.
        **options: As in `folder`; `lr` for folders only.

    Returns:
        The pairs `(train, valid)`.

    Raises:
        InputError: There is no such source, or it cannot be used.

    ```python
    train, valid = srkit.data.load("stanford_dogs", num_images=2000, scale=4)
    ```
    """
    if source in SOURCES:
        if options.pop("lr", None) is not None:
            raise InputError(f"The source {source} has no LR images of its own: give the folder of the HR images.")
        return SOURCES[source](**options)
    if options.get("lr") is not None:
        options["lr"] = _find_folder(options["lr"]) or options["lr"]
    found = _find_folder(source)
    if found is None:
        if Path(source).is_file():
            raise InputError(f"{source} is a file; a folder of photographs was expected.")
        raise InputError(
            f"There is no folder {Path(source)}, and no source of that name: "
            f"use {', '.join(SOURCES)}, or a folder of photographs."
        )
    return folder(found, **options)


def _find_folder(path: "str | os.PathLike") -> Path | None:
    candidates = (Path(path), data_dir() / path)
    return next((candidate for candidate in candidates if candidate.is_dir()), None)


def _with_lr(hr_folder: Path, splits: list[list[Photograph]], lr_folder: Path, scale: int) -> list[list[Photograph]]:
    """The photographs, each with its LR. Where the folder of LR lies inside that of HR, its images are no HR."""
    hr_paths = {photograph.name: hr_folder / photograph.name for split in splits for photograph in split}
    lr_root = lr_folder.resolve()
    if hr_folder.resolve() in lr_root.parents:
        hr_paths = {name: path for name, path in hr_paths.items() if lr_root not in path.resolve().parents}
    matches, _ = match_lr(hr_paths, lr_folder, scale)
    return [
        [
            Photograph(
                photograph.name,
                (*photograph.stamp, *stamp_of(matches[photograph.name])),
                photograph.read,
                matches[photograph.name].read_bytes,
            )
            for photograph in split
            if photograph.name in matches
        ]
        for split in splits
    ]


def _package_file(name: str) -> Photograph:
    package, _, inside = name.partition("/")
    spec = find_spec(package)
    if spec is None:
        raise InputError(f"The photographs of 'samples' come with the package {package}: pip install 'srkit[data]'.")
    path = Path(spec.origin).parent / inside
    # Installing a package anew changes its files' times, not its photographs.
    return Photograph(name, stamp=(path.stat().st_size,), read=path.read_bytes)


def _roots() -> list[Path]:
    root = data_dir()
    return [root, *sorted(path for path in root.glob("*") if path.is_dir())]


def _find_official_dogs() -> list[Photograph]:
    for root in _roots():
        if any((root / "Images").glob("n*-*/*.jpg")):
            return photographs_in(root / "Images")
        if (root / "images.tar").is_file():
            return photographs_in_tar(root / "images.tar", prefix="Images/")
    return []


def _dog_path(example: dict, index: int) -> str:
    return example["image/filename"].decode().removeprefix("Images/")
