"""Which LR image belongs to which HR image, by their names."""

import re
from pathlib import Path

from srkit.errors import InputError
from srkit.image import list_images


def match_lr(hr_paths: dict[str, Path], lr_folder: Path, scale: int) -> tuple[dict[str, Path], list[Path]]:
    """Finds the LR of each HR image.

    An LR image has the name of its HR, also with `x4` or `_x4` (the scale) behind it, or with `LR` in place of a final
    `HR`. Extensions may differ. Where both folders hold sub-folders, these are compared first.

    Args:
        hr_paths: For each HR's name, its path inside its folder with "/", the file.
        lr_folder: The folder with LR.
        scale: HR side / LR side.

    Returns:
        The file of LR for each HR's name, and the LR images that belong to none.

    Raises:
        InputError: An HR image has no LR or several, or one LR would belong to two.
    """
    originals = {path.resolve() for path in hr_paths.values()}
    candidates = [path for path in list_images(lr_folder) if path.resolve() not in originals]
    by_path, by_stem = {}, {}
    for path in candidates:
        by_path.setdefault(path.relative_to(lr_folder).with_suffix("").as_posix().casefold(), []).append(path)
        by_stem.setdefault(path.stem.casefold(), []).append(path)
    matches, owners = {}, {}
    for name, hr in hr_paths.items():
        inside = Path(name).with_suffix("").as_posix()
        # Folders of HR and LR are often built alike; where they are not, the file's name alone must do.
        found = _first(by_path, inside, scale) or _first(by_stem, hr.stem, scale)
        if len(found) > 1:
            raise InputError(f"{name} has more than one LR: {', '.join(map(str, found))}. Leave one of them there.")
        for path in found:
            if path in owners:
                raise InputError(f"{path} would be the LR of {owners[path]} and of {name}: give folders built alike.")
            matches[name], owners[path] = path, name
    missing = [name for name in hr_paths if name not in matches]
    if missing:
        stem = Path(missing[0]).stem
        raise InputError(
            f"{len(missing)} of {len(hr_paths)} HR images have no LR in {lr_folder}: {', '.join(missing[:3])}"
            f"{', …' if len(missing) > 3 else ''}. Expected names like {stem}.png or {stem}x{scale}.png."
        )
    return matches, [path for path in candidates if path not in owners]


def _first(files: dict[str, list[Path]], name: str, scale: int) -> list[Path]:
    """The files under the first of the names that an LR image may have."""
    name = name.casefold()
    spellings = [name, f"{name}x{scale}", f"{name}_x{scale}", re.sub("hr$", "lr", name)]
    return next((files[spelling] for spelling in spellings if spelling in files), [])
