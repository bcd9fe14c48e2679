"""From a source's photographs to its pairs: choosing, splitting into train and valid, and building the cache."""

import os
import random
from dataclasses import dataclass

from srkit.data.cache_builder import open_or_build
from srkit.data.pairs import Pairs
from srkit.data.photograph import Photograph
from srkit.data.preparation import Preparation
from srkit.errors import InputError, check_choice
from srkit.image import FORMAT_NAMES, SCALES, Degradation, get_degradation


@dataclass(frozen=True)
class PairOptions:
    """What sources have in common. `srkit.data.folder` explains the fields."""

    num_images: int | None = None
    seed: int = 0
    scale: int = 4
    degradation: str | Degradation = "bicubic"
    min_size: int = 96
    cache_dir: str | os.PathLike | None = None
    halve_jpeg: bool = False


def make_pairs(
    name: str, photographs: list[Photograph], valid_photographs: list[Photograph], options: PairOptions
) -> tuple[Pairs, Pairs]:
    """Splits a source, chooses photographs, and builds their cache.

    Args:
        name: The source's name.
        photographs: Its photographs; if it is split already, those for training.
        valid_photographs: Those for validation; none if the source is not split.
        options: The other settings.

    Returns:
        The pairs `(train, valid)`.
    """
    train, valid = _split(name, photographs, valid_photographs, options.num_images, options.seed)
    check_choice("scale", options.scale, SCALES)
    degradation = get_degradation(options.degradation, options.scale)
    # LR that is drawn anew for each crop cannot be kept. The cache's own LR is then not used.
    kept = get_degradation("bicubic", options.scale) if degradation.is_random else degradation
    if photographs[0].read_lr:
        kept = None
    cache = open_or_build(
        f"{name}-{options.num_images or 'all'}-seed{options.seed}",
        [*train, *valid],
        Preparation(options.scale, kept, options.min_size, options.halve_jpeg),
        options.cache_dir,
    )
    valid_names = {photograph.name for photograph in valid}
    indices = range(len(cache.names))
    valid_indices = [index for index in indices if cache.names[index] in valid_names] or [len(indices) - 1]
    train_indices = sorted(set(indices) - set(valid_indices))
    if not train_indices:
        raise InputError(
            f"{name} has {len(indices)} usable photograph(s) to split; at least 2 are needed, "
            "one to train and one to validate."
        )
    drawn = degradation if degradation.is_random else None
    return Pairs(cache, train_indices, "train", drawn), Pairs(cache, valid_indices, "valid", drawn)


def _split(
    name: str, photographs: list[Photograph], valid: list[Photograph], num_images: int | None, seed: int
) -> tuple[list[Photograph], list[Photograph]]:
    """The photographs to train on, and those to validate on.

    The split comes before the choice: with the same seed, more images never move one from valid to train.
    """
    if num_images is not None and num_images < 2:
        raise InputError(f"At least 2 photographs are needed, one to train and one to validate; asked: {num_images}.")
    if not photographs:
        raise InputError(f"There is no photograph in {name}: {FORMAT_NAMES} is looked for.")
    train = random.Random(seed).sample(photographs, len(photographs))
    if not valid:
        num_train = len(train) - max(1, round(len(train) / 5))
        train, valid = train[:num_train], train[num_train:]
    if num_images is not None:
        num_valid = min(len(valid), max(1, round(num_images / 5)))
        train, valid = train[: num_images - num_valid], valid[:num_valid]
    return train, valid
