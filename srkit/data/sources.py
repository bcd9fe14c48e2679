"""Sources of photographs: the samples, Stanford Dogs, DIV2K, folders.

A source is a list of photographs. `srkit.data.cache` turns it into aligned HR/LR pairs on disk, once. Here it is split
into train and valid, and `srkit.data.pairs` cuts batches from them.
"""

import functools
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from srkit.data.cache import Photograph, build, clear, project_root
from srkit.data.pairs import MultiScalePairs, Pairs
from srkit.data.table import SOURCES
from srkit.errors import InputError
from srkit.files import write_atomically
from srkit.image import FORMAT_NAMES, list_images
from srkit.image.degradation import get_degradation

__all__ = ["MultiScalePairs", "Pairs", "clear", "data_dir", "div2k", "folder", "load", "samples", "stanford_dogs"]

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


def data_dir() -> Path:
    """The folder that holds data sets: `SRKIT_DATA_DIR`, or `data` in the checkout or the current folder."""
    return Path(os.environ.get("SRKIT_DATA_DIR") or project_root() / "data")


def samples(**options) -> tuple[Pairs, Pairs]:
    """The natural photographs inside the installed scikit-image and matplotlib: at once, without a network.

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        `(train, valid)`; valid is a cat, a cup and a rocket.
    """
    parts = ([_package_file(name) for name in names] for names in (_SAMPLES_TRAIN, _SAMPLES_VALID))
    return _paired("samples", *parts, **options)


def stanford_dogs(**options) -> tuple[Pairs, Pairs]:
    """Stanford Dogs (Khosla et al. 2011): 20,580 photographs of 120 breeds.

    Where `data_dir()`, or a folder in it, holds the official layout (`Images/WNID-breed/*.jpg`, or `images.tar`), it is
    used as it is. Otherwise TensorFlow Datasets downloads the photographs (750 MB), and they are laid out so.

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        `(train, valid)`: four fifths and one fifth of the photographs chosen.

    Raises:
        InputError: The photographs are not there and cannot be downloaded.
    """
    photographs = _find_official_dogs()
    if not photographs:
        target = data_dir() / "stanford_dogs" / "Images"
        _download("stanford_dogs", {"train": target, "test": target}, _dog_path)
        photographs = _files(target)
    return _paired("stanford_dogs", photographs, **options)


def div2k(**options) -> tuple[Pairs, Pairs]:
    """DIV2K (Agustsson and Timofte 2017): 800 photographs to train on and 100 to validate, about 2040x1400 px.

    Where `data_dir()`, or a folder in it, holds `DIV2K_train_HR` and `DIV2K_valid_HR`, they are used. Otherwise
    TensorFlow Datasets downloads them.

    Args:
        **options: `num_images`, `seed`, `scale`, `degradation`, `min_size`, `cache_dir`, `halve_jpeg`, as in `folder`.

    Returns:
        `(train, valid)`, as published.

    Raises:
        InputError: The photographs are not there and cannot be downloaded.
    """
    names = ("DIV2K_train_HR", "DIV2K_valid_HR")
    complete = (root for root in _roots() if all((root / name).is_dir() for name in names))
    root = next(complete, None)
    if root is None:
        root = data_dir() / "div2k"
        folders = dict(zip(("train", "validation"), (root / name for name in names), strict=True))
        _download("div2k/bicubic_x4", folders, lambda example, index: f"{index + 1:04}.png")
    return _paired("div2k", *(_files(root / name, prefix=f"{name}/") for name in names), **options)


def folder(
    path: "str | os.PathLike",
    num_images: int | None = None,
    seed: int = 0,
    scale: int = 4,
    degradation: str = "bicubic",
    min_size: int = 96,
    cache_dir: "str | os.PathLike | None" = None,
    halve_jpeg: bool = False,
) -> tuple[Pairs, Pairs]:
    """All photographs below a folder: any names, nested, any formats and sizes.

    Args:
        path: The folder. Where it holds the folders `train` and `valid`, they are the two parts.
        num_images: How many photographs to choose, train and valid together; all without.
        seed: Which ones are chosen, and which of them are for validation.
        scale: 2, 3, 4 or 8.
        degradation: How LR is made from HR: `"bicubic"`, `"opencv"`, `"gaussian"`, `"jpeg75"` (or another quality) or
            `"realistic"`, which is drawn anew for each crop (see `srkit.image.degradation`).
        min_size: Photographs with a shorter side, in px, are left out.
        cache_dir: Where the pairs are kept; `data/cache` without.
        halve_jpeg: Downscale JPEG photographs to half their sides first. What compression has left in them goes away,
            which a discriminator would else take for the mark of an original, and a generator learn to draw.

    Returns:
        `(train, valid)`: as the folder says, or four fifths and one fifth of the photographs chosen. Copies of one
        photograph count once.

    Raises:
        InputError: There is no such folder, or it holds fewer than two usable photographs.
    """
    path = Path(path)
    parts = [path / "train", path / "valid"]
    split = all(part.is_dir() for part in parts)
    return _paired(
        path.name or "folder",
        *([_files(part, prefix=f"{part.name}/") for part in parts] if split else [_files(path)]),
        num_images=num_images,
        seed=seed,
        scale=scale,
        degradation=degradation,
        min_size=min_size,
        cache_dir=cache_dir,
        halve_jpeg=halve_jpeg,
    )


def load(source: "str | os.PathLike", **options) -> tuple[Pairs, Pairs]:
    """A source by its name, or a folder by its path: as given, or below `data_dir()`.

    Args:
        source: `"samples"`, `"stanford_dogs"`, `"div2k"`, or a folder of photographs.
        **options: As in `folder`.

    Returns:
        `(train, valid)`.
    """
    if source in SOURCES:
        return SOURCES[source](**options)
    candidates = [Path(source), data_dir() / source]
    found = next((path for path in candidates if path.is_dir()), None)
    if found is None:
        raise InputError(
            f"There is no folder {candidates[0]}, and no source of that name: "
            f"use {', '.join(SOURCES)}, or a folder of photographs."
        )
    return folder(found, **options)


def _paired(
    name: str,
    photographs: list[Photograph],
    valid_photographs: list[Photograph] = (),
    *,
    num_images: int | None = None,
    seed: int = 0,
    scale: int = 4,
    degradation: str = "bicubic",
    min_size: int = 96,
    cache_dir: "str | os.PathLike | None" = None,
    halve_jpeg: bool = False,
) -> tuple[Pairs, Pairs]:
    """Splits a source where it does not say how, chooses photographs, and builds their cache.

    The split comes first, so that more images of the same source and seed never move one from valid to train.
    """
    if num_images is not None and num_images < 2:
        raise InputError(f"At least 2 photographs are needed, one to train and one to validate; asked: {num_images}.")
    if not photographs:
        raise InputError(f"There is no photograph in {name}: {FORMAT_NAMES} is looked for.")
    pool = random.Random(seed).sample(photographs, len(photographs))
    if not valid_photographs:
        num_train = len(pool) - max(1, round(len(pool) / 5))
        pool, valid_photographs = pool[:num_train], pool[num_train:]
    if num_images is not None:
        num_valid = min(len(valid_photographs), max(1, round(num_images / 5)))
        pool, valid_photographs = pool[: num_images - num_valid], valid_photographs[:num_valid]
    label = f"{name}-{num_images or 'all'}-seed{seed}"
    drawn = get_degradation(degradation, scale)
    # LR that is drawn anew for each crop cannot be kept; then the cache's own is not used.
    kept = "bicubic" if drawn.is_random else degradation
    cache = build(label, [*pool, *valid_photographs], scale, kept, min_size, cache_dir, halve_jpeg)
    for_validation = {photograph.name for photograph in valid_photographs}
    indices = range(len(cache.names))
    valid = [index for index in indices if cache.names[index] in for_validation] or [len(indices) - 1]
    train = sorted(set(indices) - set(valid))
    if not train:
        raise InputError(
            f"{name} has {len(indices)} usable photograph(s) to split; at least 2 are needed, "
            "one to train and one to validate."
        )
    fresh = drawn if drawn.is_random else None
    return Pairs(cache, train, "train", fresh), Pairs(cache, valid, "valid", fresh)


def _roots() -> list[Path]:
    root = data_dir()
    return [root, *sorted(path for path in root.glob("*") if path.is_dir())]


def _files(root: Path, prefix: str = "") -> list[Photograph]:
    """The photographs below a folder, named by their paths in it behind a prefix."""
    return [
        Photograph(
            prefix + path.relative_to(root).as_posix(),
            stamp=(path.stat().st_size, path.stat().st_mtime_ns),
            read=path.read_bytes,
        )
        for path in list_images(root)
    ]


def _package_file(name: str) -> Photograph:
    package, _, inside = name.partition("/")
    path = Path(find_spec(package).origin).parent / inside
    # Installing a package anew changes its files' times, not its photographs.
    return Photograph(name, stamp=(path.stat().st_size,), read=path.read_bytes)


def _find_official_dogs() -> list[Photograph]:
    for root in _roots():
        if any((root / "Images").glob("n*-*/*.jpg")):
            return _files(root / "Images")
        if (root / "images.tar").is_file():
            return _tar_members(root / "images.tar")
    return []


def _tar_members(path: Path) -> list[Photograph]:
    def read(offset: int, size: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive if member.isfile() and member.name.endswith(".jpg")]
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{path} is damaged or not complete ({error}): delete it and fetch it anew.") from None
    return [
        Photograph(
            member.name.removeprefix("Images/"),
            stamp=(member.size, int(member.mtime)),
            read=functools.partial(read, member.offset_data, member.size),
        )
        for member in sorted(members, key=lambda member: member.name)
    ]


def _dog_path(example: dict, index: int) -> str:
    return example["image/filename"].decode().removeprefix("Images/")


def _download(dataset: str, folders: dict[str, Path], relative_path: Callable[[dict, int], str]) -> None:
    """Downloads through TensorFlow Datasets (progress, checksums) and lays the files out, untouched, in folders.

    Args:
        dataset: The name in TensorFlow Datasets.
        folders: For each split, where its files go. A folder appears when it is complete.
        relative_path: The path in the folder of an `(example, index)`.
    """
    import requests
    import tensorflow_datasets as tfds

    root = next(iter(folders.values())).parent
    work = root / "download"
    builder = tfds.builder(dataset, data_dir=work)
    try:
        # TensorFlow Datasets would try for minutes before it gave up.
        requests.head(next(iter(builder.url_infos)), timeout=20)
        builder.download_and_prepare()
    except Exception as error:  # it raises many kinds: network, disk, checksum, a server's answer
        reason = (str(error).strip().splitlines() or [""])[0][:120]
        raise InputError(
            f"{dataset} could not be downloaded ({type(error).__name__}: {reason}). Check network and disk space and "
            f"try again, or put the photographs under {root} yourself (data/README.md says how), or use the source "
            "'samples', which needs no network."
        ) from None
    for split, target in folders.items():
        image = "hr" if "hr" in builder.info.features else "image"
        examples = tfds.as_numpy(builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()}))
        for index, example in enumerate(tqdm(examples, desc=f"Laying out {target.name}", unit="photo")):
            path = work / "layout" / target.name / relative_path(example, index)
            write_atomically(path, lambda file, data=example[image]: file.write(data))
    for target in {path for path in folders.values() if not path.exists()}:
        os.replace(work / "layout" / target.name, target)
    shutil.rmtree(work)
