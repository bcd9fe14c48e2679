"""The command line: arguments to calls."""

from srkit.cli import quiet  # noqa: F401  # isort: skip - before anything that imports TensorFlow

import argparse
import contextlib
import inspect
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
import rich
import rich.markup
import rich.table
import tensorflow as tf

from srkit import data, losses, models, notebook
from srkit.errors import InputError, TrainingDiverged
from srkit.evaluation import benchmarking as benchmark
from srkit.evaluation import report as benchmark_report
from srkit.image import INTERPOLATIONS, KERNELS, MAX_PIXELS, SCALES
from srkit.inference import batch as batch_upscale
from srkit.inference.upscale_photo import Size, preset_for
from srkit.models import PRECISIONS
from srkit.models.presets import DEFAULT_PRESET, GENERATORS, PRESETS
from srkit.models.weights import load_model, start_from
from srkit.training import distribution
from srkit.training import run_folder as runs
from srkit.training import trainers as training
from srkit.training.optimizers import OPTIMIZERS, SCHEDULES
from srkit.training.trainer import Trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit status: 0, 1 for what went wrong, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_: f"srkit: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # file names may hold what a terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    try:
        return options.command(options) or 0
    except (InputError, TrainingDiverged) as error:
        print(f"srkit: {error}", file=sys.stderr)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"srkit: {name}{error.strerror or error}", file=sys.stderr)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        print("srkit: memory does not suffice: try smaller or fewer crops, or a smaller network.", file=sys.stderr)
    except KeyboardInterrupt as interrupt:
        print(f"\nsrkit: interrupted{f': {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m srkit", description="Single-image super-resolution.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="the walkthrough, offline, on photographs that come with the packages")
    demo.add_argument("--out", default="runs/demo", help="folder for notebooks, weights and pictures (%(default)s)")
    demo.set_defaults(command=lambda options: notebook.run_demo(options.out))

    _add_upscale(commands)

    train = commands.add_parser("train", help="train a model; the same command again goes on with the run")
    kinds = train.add_subparsers(required=True, metavar="pre|gan")
    _add_pre(kinds)
    _add_gan(kinds)

    listing = commands.add_parser("runs", help="the trainings in a folder, with step, score and state")
    listing.add_argument("folder", nargs="?", default="runs", help="(%(default)s)")
    listing.set_defaults(command=_runs)

    presets = commands.add_parser("presets", help="the weights that come with the kit")
    presets.set_defaults(command=_presets)

    _add_benchmark(commands)
    return parser


def positive_int(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; received {text}")
    return number


def seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"must lie from 0 to {2**32 - 1}; received {text}")
    return number


def memory_size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"must be like 4G or 500M; received {text}")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def output_file(text: str) -> Path:
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; a file's name was expected")
    return Path(text)


def _add_benchmark(commands) -> None:
    scores = commands.add_parser("benchmark", help="PSNR and SSIM on a folder of HR images, as papers take them")
    scores.add_argument("--data", required=True, metavar="DIR", help="folder of HR images")
    scores.add_argument("--lr", metavar="DIR", help="folder of LR images made elsewhere (without: bicubic)")
    scores.add_argument("--scale", type=int, default=4, choices=SCALES, help="(%(default)s)")
    scores.add_argument(
        "--model",
        nargs="+",
        action="extend",
        help=f"one or several: {', '.join(INTERPOLATIONS)}; {', '.join(GENERATORS)}; a path to weights or a .keras "
        "file. With + behind it: self-ensemble. The others are compared with the first (bicubic)",
    )
    scores.add_argument(
        "--protocol",
        default="edsr",
        choices=benchmark.PROTOCOLS,
        help="border cut before scoring: edsr as many px as the scale, srgan 4 px (%(default)s)",
    )
    scores.add_argument("--rgb", action="store_true", help="score RGB in place of the Y channel")
    scores.add_argument("--json", type=output_file, metavar="FILE", help="write the scores there, too")
    scores.add_argument("--markdown", type=output_file, metavar="FILE", help="write tables there, too")
    scores.add_argument("--save", metavar="DIR", help="write SR images and a contact sheet of crops there")
    scores.set_defaults(command=_benchmark)


def percentage(text: str) -> int:
    number = positive_int(text)
    if number > 100:
        raise argparse.ArgumentTypeError(f"must be 1 to 100; received {text}")
    return number


def _add_upscale(commands) -> None:
    upscale = commands.add_parser("upscale", help="enlarge photographs")
    upscale.add_argument("inputs", nargs="+", metavar="IN", help="files, folders, patterns; - for a list on stdin")
    upscale.add_argument(
        "-o", "--output", metavar="OUT", help="file, folder, or pattern such as 'big/{dir}/{stem}_{size}.webp'"
    )
    upscale.add_argument("--model", help=f"path, or one of {', '.join(GENERATORS)} ({DEFAULT_PRESET})")
    upscale.add_argument("--trust", action="store_true", help="load .keras files that hold program code")
    upscale.add_argument(
        "--ensemble", action="store_true", help="average eight flips and rotations: eight times slower"
    )
    upscale.add_argument("--scale", type=float, metavar="N", help="times as large, such as 2 or 2.5 (the model's)")
    upscale.add_argument("--width", type=positive_int, metavar="PX", help="instead of a scale: of the result")
    upscale.add_argument("--height", type=positive_int, metavar="PX", help="of the result; with --width: at most")
    existing = upscale.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are already there")
    existing.add_argument("--skip-existing", action="store_true", help="leave what is done")
    upscale.add_argument("--quality", type=percentage, default=95, help="of JPEG, WebP, AVIF and HEIC (%(default)s)")
    upscale.add_argument("--strip", action="store_true", help="leave EXIF and XMP out")
    upscale.add_argument(
        "--memory", type=memory_size, metavar="SIZE", help="most that the process may take: 4G (half of what is free)"
    )
    upscale.add_argument("--precision", default="auto", choices=PRECISIONS, help="of the computation (%(default)s)")
    upscale.add_argument(
        "--max-pixels",
        type=positive_int,
        default=MAX_PIXELS,
        metavar="N",
        help="refuse photographs that claim more (%(default)s)",
    )
    upscale.set_defaults(command=_upscale)


def _add_pre(kinds) -> None:
    pre = kinds.add_parser("pre", help="a generator on a pixel loss")
    _add_training_options(pre, learning_rate=1e-4, schedule="constant")
    pre.add_argument("--model", default="srresnet", choices=models.MODELS, help="(%(default)s)")
    pre.add_argument("--filters", type=positive_int, help="channels (the published number)")
    pre.add_argument("--num-blocks", type=positive_int, help="residual blocks (the published number)")
    pre.add_argument("--start-from", metavar="PATH|PRESET", help="weights to copy into a new run, where they fit")
    _add_losses(pre, "mse=1")
    pre.add_argument("--optimizer", default="adam", choices=OPTIMIZERS, help="(%(default)s)")
    pre.set_defaults(command=_train_pre)


def _add_gan(kinds) -> None:
    gan = kinds.add_parser("gan", help="a pretrained generator against a discriminator")
    _add_training_options(gan, learning_rate=1e-4, schedule="halves")
    gan.add_argument("--generator", required=True, help="pretrained weights: a path or a preset")
    discriminator = gan.add_mutually_exclusive_group()
    discriminator.add_argument("--discriminator", metavar="PATH|PRESET", help="weights to go on from (a new one)")
    discriminator.add_argument(
        "--discriminator-filters", type=positive_int, default=64, help="channels of a new one (%(default)s)"
    )
    _add_losses(gan, "vgg54=1 adversarial=1e-3")
    gan.add_argument("--freeze-batch-norm", action="store_true", help="the generator's keeps pretraining's statistics")
    gan.set_defaults(command=_train_gan)


def loss_weight(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        return name, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a loss is given as NAME=WEIGHT, such as l1=1; received {text}") from None


def _add_losses(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--loss",
        nargs="+",
        type=loss_weight,
        default=[loss_weight(text) for text in default.split()],
        metavar="NAME=WEIGHT",
        help=f"weighted sum of losses; {', '.join([*losses.LOSSES, *losses.ADVERSARIAL])} ({default})",
    )


def _add_training_options(parser: argparse.ArgumentParser, learning_rate: float, schedule: str) -> None:
    parser.add_argument("--data", required=True, help=f"{', '.join(data.SOURCES)}, or a folder of photographs")
    parser.add_argument("--steps", required=True, type=positive_int, help="of the whole run")
    parser.add_argument("--run", required=True, metavar="DIR", help="the run's folder")
    parser.add_argument(
        "--scale", type=int, default=4, choices=SCALES, help="but for mdsr, which has several (%(default)s)"
    )
    parser.add_argument(
        "--degradation",
        default="bicubic",
        metavar="NAME",
        help=f"how LR is made: {', '.join(KERNELS)}, jpeg75 (or another quality), realistic (%(default)s)",
    )
    parser.add_argument("--num-images", type=positive_int, help="photographs to choose (all)")
    parser.add_argument("--halve-jpeg", action="store_true", help="at first, lest a GAN learns JPEG's traces")
    parser.add_argument("--num-valid", type=positive_int, default=20, help="whole images to validate on (%(default)s)")
    parser.add_argument("--seed", type=seed, default=0, help="(%(default)s)")
    parser.add_argument("--batch-size", type=positive_int, default=16, help="crops (%(default)s)")
    parser.add_argument("--patch-size", type=positive_int, default=96, help="side of the HR crops, px (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=learning_rate, help="(%(default)s)")
    parser.add_argument("--schedule", default=schedule, choices=SCHEDULES, help="(%(default)s)")
    parser.add_argument("--warmup-steps", type=int, default=0, metavar="N", help="to the full rate (%(default)s)")
    parser.add_argument("--clip-norm", type=float, metavar="NORM", help="of the gradients (none)")
    parser.add_argument("--ema", type=float, default=0.0, metavar="DECAY", help="average weights; 0.999 (off)")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="auto times both (%(default)s)")
    parser.add_argument("--evaluate-every", type=positive_int, default=1_000, metavar="N", help="steps (%(default)s)")
    parser.add_argument("--checkpoint-every", type=positive_int, default=500, metavar="N", help="steps (%(default)s)")
    parser.add_argument("--vgg-weights", metavar="FILE", help="VGG19 as .h5 (SRKIT_VGG19_WEIGHTS, or downloaded)")
    parser.add_argument("--patience", type=positive_int, metavar="N", help="stop after N validations without a best")
    parser.add_argument("--extend", action="store_true", help="accept other --steps than the run was begun with")


def _upscale(options: argparse.Namespace) -> int:
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what it says of damaged files names none of them
    sides = options.scale, options.width, options.height
    size = Size(*sides) if any(side is not None for side in sides) else None
    summary = batch_upscale.upscale_files(
        options.inputs,
        options.output,
        load_model(options.model or preset_for(options.scale), trust=options.trust),
        size=size,
        ensemble=options.ensemble,
        existing="overwrite" if options.overwrite else "skip" if options.skip_existing else "refuse",
        quality=options.quality,
        strip=options.strip,
        max_pixels=options.max_pixels,
        memory=options.memory,
        precision=options.precision,
    )
    for remark, photographs in summary.remarks.items():
        others = f" and {len(photographs) - 1} more" if len(photographs) > 1 else ""
        print(_one_line(f"{photographs[0]}{others}: {remark}"))
    for reason in summary.failed.values():
        print(_one_line(f"srkit: {reason}"), file=sys.stderr)
    print(summary)
    return 1 if summary.failed else 0


def _one_line(text: str) -> str:
    """The text with line breaks, and what no terminal shows, in the names of files spelt out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _train_pre(options: argparse.Namespace) -> None:
    with distribution.default_strategy().scope():
        keras.utils.set_random_seed(options.seed)
        model = models.MODELS[options.model](**_model_arguments(options))
        if options.start_from:
            start = start_from(model, options.start_from)
            print(f"{len(start.copied)} layers from {options.start_from}; new: {', '.join(start.new) or 'none'}")
        trainer = training.PreTrainer(
            model,
            options.run,
            losses=dict(options.loss),
            optimizer=options.optimizer,
            **_optimization(options),
        )
    _train(trainer, options)


def _model_arguments(options: argparse.Namespace) -> dict[str, int]:
    """What the builder takes of the options given; the rest is as published."""
    known = inspect.signature(models.MODELS[options.model]).parameters
    given = {name: getattr(options, name) for name in ("filters", "num_blocks") if getattr(options, name) is not None}
    for name in given:
        if name not in known:
            option = name.replace("_", "-")
            raise InputError(f"--{option} does not apply to {options.model}, which is built from: {', '.join(known)}.")
    return {"scale": options.scale, **given} if "scale" in known else given


def _train_gan(options: argparse.Namespace) -> None:
    with distribution.default_strategy().scope():
        keras.utils.set_random_seed(options.seed)
        trainer = training.GanTrainer(
            load_model(options.generator),
            _discriminator(options),
            options.run,
            losses=dict(options.loss),
            freeze_batch_norm=options.freeze_batch_norm,
            **_optimization(options),
        )
    _train(trainer, options)


def _discriminator(options: argparse.Namespace) -> keras.Model:
    if not options.discriminator:
        return models.discriminator(options.patch_size, options.discriminator_filters)
    discriminator = load_model(options.discriminator)
    if discriminator.output_shape != (None, 1):
        raise InputError(f"{options.discriminator} is no discriminator: it makes images, not one logit for each.")
    return discriminator


def _runs(options: argparse.Namespace) -> None:
    table = rich.table.Table("run", "trainer", "steps", "PSNR, dB", "SSIM", "state", "checkpoint", box=None)
    for run in runs.list_runs(options.folder):
        psnr, ssim = (run.scores.get(name) for name in ("psnr", "ssim"))
        table.add_row(
            rich.markup.escape(run.path.as_posix()),
            run.trainer,
            f"{run.step:,} of {run.steps:,}",
            "" if psnr is None else f"{psnr:.2f}",
            "" if ssim is None else f"{ssim:.4f}",
            run.state,
            run.age,
        )
    if table.rows:
        rich.print(table)
    else:
        print(f"There is no run in {options.folder}.")


def _presets(options: argparse.Namespace) -> None:
    table = rich.table.Table("preset", "parameters", "Set5, dB", "Set14, dB", "", box=None)
    for name, preset in PRESETS.items():
        psnrs = [f"{preset.scores[data][0]:.2f}" if data in preset.scores else "" for data in ("Set5", "Set14")]
        default = " (default)" if name == DEFAULT_PRESET else ""
        table.add_row(name, f"{preset.num_parameters / 1e6:.2f} M", *psnrs, preset.description + default)
    rich.print(table)


def _benchmark(options: argparse.Namespace) -> None:
    result = benchmark.benchmark(
        options.data,
        options.scale,
        options.model or "bicubic",
        lr=options.lr,
        protocol=options.protocol,
        rgb=options.rgb,
        save=options.save,
    )
    if options.json:
        benchmark_report.write_json(result, options.json)
    if options.markdown:
        benchmark_report.write_markdown(result, options.markdown)
    benchmark_report.print_result(result)


def _optimization(options: argparse.Namespace) -> dict:
    names = ("learning_rate", "schedule", "precision", "warmup_steps", "clip_norm", "ema", "vgg_weights")
    return {name: getattr(options, name) for name in names}


def _train(trainer: Trainer, options: argparse.Namespace) -> None:
    parts = [
        data.load(
            options.data,
            num_images=options.num_images,
            seed=options.seed,
            scale=scale,
            degradation=options.degradation,
            min_size=options.patch_size,
            halve_jpeg=options.halve_jpeg,
        )
        for scale in trainer.scales
    ]
    train, valid = (data.MultiScalePairs(*part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True))
    trainer.train(
        train,
        valid.take(options.num_valid),
        steps=options.steps,
        evaluate_every=options.evaluate_every,
        checkpoint_every=options.checkpoint_every,
        batch_size=options.batch_size,
        patch_size=options.patch_size,
        seed=options.seed,
        patience=options.patience,
        extend=options.extend,
    )
