"""Scores by the protocols of the papers, for interpolations, the kit's models and anybody's."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srkit.errors import InputError, check_choice
from srkit.evaluation.metrics import DEFAULT_METRICS, Metric, get_metrics, psnr
from srkit.evaluation.pairing import Pair, find_pairs
from srkit.evaluation.protocols import Protocol, get_protocol
from srkit.evaluation.reconstructors import Model, Reconstructor, get_reconstructors, reconstruct
from srkit.evaluation.report import contact_row, write_contact_sheet
from srkit.evaluation.significance import explain_p, wilcoxon_p
from srkit.image import SCALES, Degradation, get_degradation, read_image, write_image
from srkit.progress import bar_stream

_MAX_ROWS = 20  # of the contact sheet


@dataclass(frozen=True)
class Task:
    """What is measured, and of which pairs."""

    scale: int
    protocol: Protocol
    metrics: dict[str, Metric]
    degradation: Degradation

    @property
    def smallest_px(self) -> int:
        """The shortest side that an HR image may have, a multiple of the scale."""
        smallest = max(metric.smallest_px for metric in self.metrics.values()) + 2 * self.protocol.border
        return -(-smallest // self.scale) * self.scale

    def describe(self, lr: "str | os.PathLike | None") -> str:
        """The protocol in words, with the folder of LR if it was made elsewhere."""
        made = f"LR of {lr}" if lr is not None else f"LR by {self.degradation.description}"
        notes = [metric.note for metric in self.metrics.values() if metric.note]
        return ", ".join([f"x{self.scale}", made, str(self.protocol), *notes, "networks compute in float32"])

    def measure(self, hr: np.ndarray, sr: np.ndarray) -> dict[str, float]:
        """The value of each metric."""
        return {name: metric(hr, sr, self.protocol) for name, metric in self.metrics.items()}


def benchmark(
    data: "str | os.PathLike",
    scale: int,
    model: "Model | Sequence[Model]" = "bicubic",
    lr: "str | os.PathLike | None" = None,
    degradation: "str | Degradation" = "bicubic",
    protocol: str = "edsr",
    channel: str = "y",
    metrics: Sequence[str] = DEFAULT_METRICS,
    save: "str | os.PathLike | None" = None,
) -> dict:
    """Scores models on a folder of HR images: whole images, inside a border that the protocol gives.

    HR is cropped at its right and bottom to a multiple of the scale. Greyscale images count as RGB with three equal
    channels. If there are several models, each is compared with the first by the paired two-sided Wilcoxon signed-rank
    test over the images, as in Ledig et al. 2017 (section 3.1).

    Args:
        data: Folder with HR; see `srkit.evaluation.find_pairs` for what is taken of it.
        scale: HR side / LR side: 2, 3, 4 or 8.
        model: One or several of: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`; what `srkit.load_model` takes (a
            preset, a path to weights, or anybody's `.keras` file), with a final `+` for the geometric self-ensemble
            (Lim et al. 2017, section 3.4); a Keras model. Models map LR to HR, RGB in [0, 255].
        lr: Folder with LR made elsewhere. Default: LR is made from HR.
        degradation: How LR is made: `"bicubic"`, `"opencv"`, `"gaussian"`, `"jpeg75"` (or another quality),
            `"realistic"`, which is drawn with a fixed seed for each image, or a `srkit.image.Degradation`.
        protocol: `"edsr"` cuts as many pixels from each side as the scale, `"srgan"` 4, `"div2k"` 6 more
            than the scale.
        channel: `"y"` or `"rgb"`, for PSNR and SSIM. Perceptual metrics are always taken of RGB.
        metrics: Names in `srkit.evaluation.METRICS`.
        save: Folder for the SR images, with a sub-folder for each model, and for `contact_sheet.png`: crops of up to
            20 of the images, where the first model errs most. Files that are there already are replaced.

    Returns:
        `{"protocol": text, "data": text, "scale": scale, "metrics": [name, …], "models": [row, …]}`, where a row is
        `{"model": name, "images": [{"name": name, metric: value, …}, …], "mean": {metric: value, …}}`. If there is one
        model, its `"images"` and `"mean"` are also beside `"models"`. If there are several, `"significance"` explains
        the p-values: all rows but the first have `"p": {metric: value, …}`, None where fewer than 6 images differ.

    Raises:
        InputError: The folder holds no image, an image is damaged, too small or without its LR, or a model cannot be
            read, has another scale, or does not work on RGB in [0, 255].

    ```python
    result = srkit.benchmark("Set5", 4, ["bicubic", "edsr-x4"], degradation="jpeg75")
    print(result["models"][1]["mean"]["psnr"])
    ```
    """
    task = make_task(scale, lr, degradation, get_protocol(protocol, scale, channel), metrics)
    models = [model] if isinstance(model, Model) else list(model)
    pairs, taken = find_pairs(data, scale, lr)
    refuse_inside(save, data, lr)
    reconstructors = get_reconstructors(models, scale)
    num_grey = check_images(pairs, task)
    grey = f"; {num_grey} greyscale, scored as three equal channels" if num_grey else ""
    scores = _score(pairs, reconstructors, task, save)
    how = {"protocol": f"{protocol}: {task.describe(lr)}", "data": f"{taken}{grey}"}
    return _summarize(how, task, scores)


def make_task(
    scale: int,
    lr: "str | os.PathLike | None",
    degradation: "str | Degradation",
    protocol: Protocol,
    metrics: Sequence[str],
) -> Task:
    """Checks what is to be measured; the arguments are those of `benchmark`."""
    check_choice("scale", scale, SCALES)
    if lr is not None and degradation != "bicubic":
        raise InputError("LR images of your own are taken as they are: leave the degradation out.")
    return Task(scale, protocol, get_metrics(metrics), get_degradation(degradation, scale))


def _summarize(how: dict, task: Task, scores: dict[str, list[dict]]) -> dict:
    """The result: the scores of each model, their means, and comparisons with the first model."""
    rows = [
        {"model": name, "images": images, "mean": {metric: _mean(images, metric) for metric in task.metrics}}
        for name, images in scores.items()
    ]
    result = {**how, "scale": task.scale, "metrics": list(task.metrics), "models": rows}
    first, *others = rows
    if not others:
        return {**result, "images": first["images"], "mean": first["mean"]}
    for other in others:
        other["p"] = {
            metric: wilcoxon_p(*([image[metric] for image in row["images"]] for row in (first, other)))
            for metric in task.metrics
        }
    return {**result, "significance": explain_p(first["model"], len(first["images"]))}


def refuse_inside(save: "str | os.PathLike | None", *folders: "str | os.PathLike | None") -> None:
    """SR images among HR or LR images would be scored as such the next time."""
    if save is None:
        return
    for folder in filter(None, folders):
        if Path(folder).resolve() in (Path(save).resolve(), *Path(save).resolve().parents):
            raise InputError(f"SR images cannot be saved in {save}, inside {folder}: give a folder apart from it.")


def check_images(pairs: list[Pair], task: Task) -> int:
    """Reads all images once, so that a bad one is told before hours of scoring. Returns how many are greyscale."""
    num_grey = 0
    for pair in tqdm(pairs, desc="Checking", unit="image", leave=False, file=bar_stream()):
        hr = read_image(pair.hr)
        height, width = hr.shape[:2]
        if min(height, width) < task.smallest_px:
            neediest = max(task.metrics, key=lambda name: task.metrics[name].smallest_px)
            raise InputError(
                f"{pair.hr} is too small: {width}x{height} px, and {neediest} at x{task.scale} with a border of "
                f"{task.protocol.border} px needs at least {task.smallest_px} px each way. Take it out of the folder, "
                f"or leave {neediest} out."
            )
        num_grey += bool((hr == hr[..., :1]).all())
        if pair.lr is not None:
            pair.read(task.scale)
    return num_grey


def _score(
    pairs: list[Pair], reconstructors: dict[str, Reconstructor], task: Task, save: "str | os.PathLike | None"
) -> dict[str, list[dict]]:
    """For each model's name the scores of all images."""
    scores = {name: [] for name in reconstructors}
    shown, sheet = pairs[:: -(-len(pairs) // _MAX_ROWS)], []
    with tqdm(
        total=len(pairs) * len(scores), desc=f"x{task.scale}", unit="image", leave=False, file=bar_stream()
    ) as progress:
        for pair in pairs:
            hr, lr = pair.read(task.scale, task.degradation)
            made = {}
            for name, reconstructor in reconstructors.items():
                sr = made[name] = reconstruct(reconstructor, lr, task.scale, name)
                scores[name].append({"name": pair.name, **task.measure(hr, sr)})
                if save is not None:
                    write_image(_sr_path(Path(save), name, pair), sr)
                progress.update()
            if save is not None and pair in shown:
                border, channel = task.protocol.border, task.protocol.channel
                psnrs = {name: psnr(hr, sr, border=border, channel=channel) for name, sr in made.items()}
                sheet.append(contact_row(pair.name, hr, made, psnrs))
    if save is not None:
        write_contact_sheet(sheet, Path(save) / "contact_sheet.png")
    return scores


def _sr_path(folder: Path, model: str, pair: Pair) -> Path:
    name = pair.name if pair.hr.suffix.lower() == ".png" else f"{pair.name}.png"
    return folder / re.sub(r"[^\w.+-]+", "_", model) / name


def _mean(rows: list[dict], metric: str) -> float:
    return float(np.mean([row[metric] for row in rows]))
