"""Scores by the protocols of the papers, for interpolations, the kit's models and anybody's."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srkit.errors import InputError, check_choice
from srkit.evaluation import metrics
from srkit.evaluation.pairing import Pair, find_pairs
from srkit.evaluation.protocols import PROTOCOLS
from srkit.evaluation.report import contact_row, write_contact_sheet
from srkit.image import INTERPOLATIONS, SCALES, interpolate, read_image, write_image
from srkit.inference.upscaling import predict, upscale
from srkit.models import at_scale, fixed_sides, scale_of, scales_of
from srkit.models.weights import load_model

_METRICS = {"psnr": metrics.psnr, "ssim": metrics.ssim}
_SSIM_WINDOW_PX = 11
_MIN_DIFFERENT = 6  # with n images the smallest two-sided p is 2 / 2**n: 0.0625 for 5, 0.03125 for 6

Reconstruction = Callable[[np.ndarray], np.ndarray]


def benchmark(
    data: "str | os.PathLike",
    scale: int,
    model: "str | os.PathLike | keras.Model | Sequence[str | os.PathLike | keras.Model]" = "bicubic",
    lr: "str | os.PathLike | None" = None,
    protocol: str = "edsr",
    rgb: bool = False,
    save: "str | os.PathLike | None" = None,
) -> dict:
    """Scores models on a folder of HR images.

    PSNR and SSIM (Wang's 11x11 Gaussian window) are taken on whole images, on the 8-bit BT.601 Y channel, inside a
    border that the protocol gives. HR is cropped at its right and bottom to a multiple of the scale; greyscale images
    count as RGB with three equal channels.

    Of several models, each is compared with the first by the paired two-sided Wilcoxon signed-rank test over the
    images, as Ledig et al. 2017 (section 3.1) compare theirs.

    Args:
        data: The folder with HR; see `srkit.evaluation.pairing.find_pairs` for what is taken of it.
        scale: 2, 3, 4 or 8.
        model: One or several of: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`; what `srkit.load_model` takes (a
            preset, a path to weights, or anybody's `.keras` file), with a final `+` for the geometric self-ensemble
            (Lim et al. 2017, section 3.4); a Keras model. Models map LR to HR, RGB in [0, 255].
        lr: A folder with LR made elsewhere; without, LR is made with the bicubic kernel (see
            `srkit.image.downscale`).
        protocol: `"edsr"` cuts as many px from each border as the scale, `"srgan"` 4 px.
        rgb: Score the RGB channels in place of Y.
        save: A folder for the SR images, a sub-folder for each model, and `contact_sheet.png`: crops of up to 20 of
            the images, where the first model errs most. Files that are there already are replaced.

    Returns:
        `{"protocol": text, "data": text, "scale": scale, "models": [{"model": name, "images": [{"name", "psnr",
        "ssim"}, …], "mean": {"psnr", "ssim"}, "p": {"psnr", "ssim"}}, …]}`. A single model's `"images"` and `"mean"`
        also stand beside `"models"`. Of several, all but the first have `"p"`, and `"significance"` says what it is;
        it is None where fewer than 6 images differ, since no p below 0.05 is possible then.

    Raises:
        InputError: The folder holds no image, an image is damaged, too small or without its LR, or a model cannot be
            read, has another scale, or does not work on RGB in [0, 255].
    """
    check_choice("scale", scale, SCALES)
    check_choice("protocol", protocol, PROTOCOLS)
    models = [model] if isinstance(model, (str, os.PathLike, keras.Model)) else list(model)
    border = scale if protocol == "edsr" else 4
    pairs, taken = find_pairs(data, scale, lr)
    _refuse_inside(save, data, lr)
    reconstructions = _reconstructions(models, scale)
    num_grey = _check(pairs, scale, border)
    scores = _score(pairs, reconstructions, scale, {"border": border, "luma": not rgb}, save)
    result = {
        "protocol": f"{protocol}: x{scale}, {'LR by the bicubic kernel' if lr is None else f'LR of {lr}'}, "
        f"{'RGB' if rgb else 'Y channel (BT.601, 8 bits)'}, border {border} px, SSIM with Wang's 11x11 Gaussian",
        "data": f"{taken}; {num_grey} greyscale, scored as three equal channels" if num_grey else taken,
        "scale": scale,
        "models": [
            {"model": name, "images": rows, "mean": {metric: _mean(rows, metric) for metric in _METRICS}}
            for name, rows in scores.items()
        ],
    }
    first, *others = result["models"]
    if not others:
        return {**result, "images": first["images"], "mean": first["mean"]}
    for other in others:
        other["p"] = {metric: _wilcoxon_p(first["images"], other["images"], metric) for metric in _METRICS}
    return {**result, "significance": _significance(first["model"], len(pairs))}


def _refuse_inside(save: "str | os.PathLike | None", *folders: "str | os.PathLike | None") -> None:
    """SR images among HR or LR images would be scored as such the next time."""
    if save is None:
        return
    for folder in filter(None, folders):
        if Path(folder).resolve() in (Path(save).resolve(), *Path(save).resolve().parents):
            raise InputError(f"SR images cannot be saved in {save}, inside {folder}: give a folder apart from it.")


def _check(pairs: list[Pair], scale: int, border: int) -> int:
    """Reads all images once, so that a bad one is told before hours of scoring. Returns how many are greyscale."""
    smallest = _SSIM_WINDOW_PX + 2 * border
    num_grey = 0
    for pair in tqdm(pairs, desc="Checking", unit="image", leave=False):
        hr = read_image(pair.hr)
        if min(hr.shape[0] // scale, hr.shape[1] // scale) * scale < smallest:
            raise InputError(
                f"{pair.hr} is too small: {hr.shape[1]}x{hr.shape[0]} px, and x{scale} with a border of {border} px "
                f"needs at least {-(-smallest // scale) * scale} px each way. Take it out of the folder."
            )
        num_grey += bool((hr == hr[..., :1]).all())
        if pair.lr is not None:
            pair.read(scale)
    return num_grey


def _reconstructions(models: list, scale: int) -> dict[str, Reconstruction]:
    """For each model's name in the tables how it makes SR from LR."""
    if not models:
        raise InputError("There is no model to score: give at least one.")
    names = [model.name if isinstance(model, keras.Model) else str(model) for model in models]
    file_names = [Path(name).name for name in names]
    loaded, result = {}, {}
    for name, file_name, model in zip(names, file_names, models):
        # Files of one name in several folders keep their folders.
        label = file_name if file_names.count(file_name) == 1 else name
        if label in result:
            raise InputError(f"There are two models {label}: give each once, or names of their own.")
        result[label] = _reconstruction(model, name, scale, loaded)
    return result


def _reconstruction(
    model: "str | os.PathLike | keras.Model", name: str, scale: int, loaded: dict[str, keras.Model]
) -> Reconstruction:
    """How a model makes SR from LR; with and without self-ensemble it is loaded once."""
    if isinstance(model, keras.Model):
        model = _at_scale(model, name, scale)
        return lambda lr: upscale(lr, model)
    if name in INTERPOLATIONS:
        return lambda lr: interpolate(lr, scale, name)
    source = name.removesuffix("+")
    if source in INTERPOLATIONS:
        raise InputError(f"{name}: {source} gives the same for all flips and rotations; leave the + out.")
    if source not in loaded:
        loaded[source] = _at_scale(load_model(source), source, scale)
    return lambda lr: upscale(lr, loaded[source], ensemble=source != name)


def _at_scale(model: keras.Model, name: str, scale: int) -> keras.Model:
    """The model, or its part for that scale; refused if it does not enlarge an RGB image in [0, 255] by the scale."""
    try:
        model = at_scale(model, scale) if len(scales_of(model)) > 1 else model
        found = scale_of(model)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if found != scale:
        raise InputError(f"{name} enlarges {found} times; asked: {scale}.")
    height, width = (fixed or side for fixed, side in zip(fixed_sides(model), (24, 32), strict=True))
    lr = np.full((height, width, 3), 200, np.uint8)
    sr = _run(lambda lr: predict(model, lr), lr, scale, name)
    low, high = sr.min(), sr.max()
    if not (np.isfinite(sr).all() and high > 2):
        raise InputError(
            f"{name} makes values from {low:.3g} to {high:.3g} of a bright image: it must take and return RGB in "
            "[0, 255]; put the normalisation inside the model (keras.layers.Rescaling)."
        )
    return model


def _run(reconstruct: Reconstruction, lr: np.ndarray, scale: int, name: str) -> np.ndarray:
    """Makes SR. A model that is fixed to one size, or needs even sides, fails here, with a reason for a person."""
    height, width = lr.shape[:2]
    try:
        sr = reconstruct(lr)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        text = re.sub(r"\{\{.*?\}\} ?", "", str(error)).strip()
        # Of an error inside a layer, the lines before tell where in Keras it was raised.
        reason = (re.findall(r"^ *\w+Error: (.+)", text, re.MULTILINE) or text.splitlines() or ["no reason given"])[0]
        raise InputError(f"{name} fails on an LR image of {width}x{height} px: {reason}") from None
    if sr.shape != (height * scale, width * scale, 3):
        raise InputError(
            f"{name} makes {sr.shape[1]}x{sr.shape[0]} px of an LR image of {width}x{height} px; "
            f"expected {width * scale}x{height * scale} px."
        )
    return sr


def _score(
    pairs: list[Pair],
    reconstructions: dict[str, Reconstruction],
    scale: int,
    settings: dict,
    save: "str | os.PathLike | None",
) -> dict[str, list[dict]]:
    """For each model's name the scores of all images."""
    scores = {name: [] for name in reconstructions}
    shown, sheet = pairs[:: -(-len(pairs) // 20)], []
    with tqdm(total=len(pairs) * len(scores), desc=f"x{scale}", unit="image", leave=False) as progress:
        for pair in pairs:
            hr, lr = pair.read(scale)
            made = {}
            for name, reconstruct in reconstructions.items():
                sr = made[name] = _run(reconstruct, lr, scale, name)
                values = {metric: measure(hr, sr, **settings) for metric, measure in _METRICS.items()}
                scores[name].append({"name": pair.name, **values})
                if save is not None:
                    write_image(_sr_path(Path(save), name, pair), sr)
                progress.update()
            if save is not None and pair in shown:
                sheet.append(contact_row(pair.name, hr, made, {name: scores[name][-1]["psnr"] for name in made}))
    if save is not None:
        write_contact_sheet(sheet, Path(save) / "contact_sheet.png")
    return scores


def _sr_path(folder: Path, model: str, pair: Pair) -> Path:
    name = pair.name if pair.hr.suffix.lower() == ".png" else f"{pair.name}.png"
    return folder / re.sub(r"[^\w.+-]+", "_", model) / name


def _mean(rows: list[dict], metric: str) -> float:
    return float(np.mean([row[metric] for row in rows]))


def _wilcoxon_p(first: list[dict], other: list[dict], metric: str) -> float | None:
    """The two-sided p-value over the images that differ (the others say nothing); None for fewer than 6 of them."""
    from scipy.stats import wilcoxon  # here, since it is slow to import and no other command needs it

    before, after = (np.array([row[metric] for row in rows]) for rows in (first, other))
    differ = before != after
    return float(wilcoxon(after[differ] - before[differ]).pvalue) if differ.sum() >= _MIN_DIFFERENT else None


def _significance(first: str, num_images: int) -> str:
    if num_images < _MIN_DIFFERENT:
        return f"no p-values: with {num_images} images none below 0.05 is possible; it takes {_MIN_DIFFERENT}"
    return (
        f"p: paired two-sided Wilcoxon signed-rank test against {first} over {num_images} images, not corrected for "
        f"several comparisons; none where fewer than {_MIN_DIFFERENT} images differ"
    )
