"""The command line: arguments to calls."""

import argparse
import sys
import warnings
from collections.abc import Sequence

import keras

from srkit import batch_upscale, benchmark, data, images, losses, models, training, walkthrough
from srkit.enlarge import Size, preset_for
from srkit.errors import InputError, TrainingDiverged
from srkit.resize import KERNELS, SCALES
from srkit.trainer import PRECISIONS, SCHEDULES, Trainer
from srkit.weights import DEFAULT_PRESET, PRESETS, load_model


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit status: 0, 1 for what went wrong, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_: f"srkit: {message}\n"
    try:
        return options.command(options) or 0
    except (InputError, TrainingDiverged) as error:
        print(f"srkit: {error}", file=sys.stderr)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"srkit: {name}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt as interrupt:
        print(f"\nsrkit: interrupted{f': {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m srkit", description="Single-image super-resolution.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="the walkthrough, offline, on photographs that come with the packages")
    demo.add_argument("--out", default="runs/demo", help="folder for notebooks, weights and pictures (%(default)s)")
    demo.set_defaults(command=lambda options: walkthrough.demo(options.out))

    _add_upscale(commands)

    train = commands.add_parser("train", help="train a model; the same command again goes on with the run")
    kinds = train.add_subparsers(required=True, metavar="pre|gan")
    _add_pre(kinds)
    _add_gan(kinds)

    scores = commands.add_parser("benchmark", help="PSNR and SSIM on a folder of HR images, as papers take them")
    scores.add_argument("--data", required=True, metavar="DIR", help="folder of HR images")
    scores.add_argument("--scale", type=int, default=4, choices=SCALES, help="(%(default)s)")
    scores.add_argument("--model", default="bicubic", help=f"bicubic, a path, or one of {', '.join(PRESETS)}")
    scores.add_argument("--json", metavar="FILE", help="write the scores there, too")
    scores.set_defaults(command=_benchmark)
    return parser


def positive_int(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; received {text}")
    return number


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
    upscale.add_argument("--model", help=f"path, or one of {', '.join(PRESETS)} ({DEFAULT_PRESET})")
    upscale.add_argument("--trust", action="store_true", help="load .keras files that hold program code")
    upscale.add_argument("--ensemble", action="store_true", help="average eight flips: better, eight times slower")
    upscale.add_argument("--scale", type=float, metavar="N", help="times as large, such as 2 or 2.5 (the model's)")
    upscale.add_argument("--width", type=positive_int, metavar="PX", help="instead of a scale: of the result")
    upscale.add_argument("--height", type=positive_int, metavar="PX", help="of the result; with --width: at most")
    existing = upscale.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are already there")
    existing.add_argument("--skip-existing", action="store_true", help="leave what is done")
    upscale.add_argument("--quality", type=percentage, default=95, help="of JPEG, WebP, AVIF and HEIC (%(default)s)")
    upscale.add_argument("--strip", action="store_true", help="leave EXIF and XMP out")
    upscale.add_argument(
        "--max-pixels",
        type=positive_int,
        default=images.MAX_PIXELS,
        metavar="N",
        help="refuse photographs that claim more (%(default)s)",
    )
    upscale.set_defaults(command=_upscale)


def _add_pre(kinds) -> None:
    pre = kinds.add_parser("pre", help="a generator on a pixel loss")
    _add_training_options(pre, learning_rate=1e-4, schedule="constant")
    pre.add_argument("--model", default="srresnet", choices=models.MODELS, help="(%(default)s)")
    pre.add_argument("--filters", type=positive_int, default=64, help="(%(default)s)")
    pre.add_argument("--num-blocks", type=positive_int, default=16, help="residual blocks (%(default)s)")
    pre.add_argument("--loss", default="mse", choices=losses.PIXEL_LOSSES, help="(%(default)s)")
    pre.set_defaults(command=_train_pre)


def _add_gan(kinds) -> None:
    gan = kinds.add_parser("gan", help="a pretrained generator against a discriminator")
    _add_training_options(gan, learning_rate=1e-4, schedule="halves")
    gan.add_argument("--generator", required=True, help="pretrained weights: a path or a preset")
    gan.add_argument("--content-loss", default="vgg54", choices=losses.CONTENT_LOSSES, help="(%(default)s)")
    gan.add_argument("--adversarial-weight", type=float, default=1e-3, help="(%(default)s)")
    gan.add_argument("--vgg-weights", metavar="FILE", help="VGG19 as .h5 (SRKIT_VGG19_WEIGHTS, or downloaded)")
    gan.set_defaults(command=_train_gan)


def _add_training_options(parser: argparse.ArgumentParser, learning_rate: float, schedule: str) -> None:
    parser.add_argument("--data", required=True, help=f"{', '.join(data.SOURCES)}, or a folder of photographs")
    parser.add_argument("--steps", required=True, type=positive_int, help="of the whole run")
    parser.add_argument("--run", required=True, metavar="DIR", help="the run's folder")
    parser.add_argument("--scale", type=int, default=4, choices=SCALES, help="(%(default)s)")
    parser.add_argument("--kernel", default="bicubic", choices=KERNELS, help="how LR is made (%(default)s)")
    parser.add_argument("--num-images", type=positive_int, help="photographs to choose (all)")
    parser.add_argument("--num-valid", type=positive_int, default=20, help="whole images to validate on (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--batch-size", type=positive_int, default=16, help="crops (%(default)s)")
    parser.add_argument("--hr-size", type=positive_int, default=96, help="side of the HR crops, px (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=learning_rate, help="(%(default)s)")
    parser.add_argument("--schedule", default=schedule, choices=SCHEDULES, help="(%(default)s)")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="(%(default)s)")
    parser.add_argument("--evaluate-every", type=positive_int, default=1_000, metavar="N", help="steps (%(default)s)")
    parser.add_argument("--checkpoint-every", type=positive_int, default=500, metavar="N", help="steps (%(default)s)")


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
    keras.utils.set_random_seed(options.seed)
    model = models.MODELS[options.model](options.scale, options.filters, options.num_blocks)
    trainer = training.PreTrainer(model, options.run, loss=options.loss, **_optimization(options))
    _train(trainer, options)


def _train_gan(options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(options.seed)
    trainer = training.GanTrainer(
        load_model(options.generator),
        models.discriminator(options.hr_size),
        options.run,
        content_loss=options.content_loss,
        adversarial_weight=options.adversarial_weight,
        vgg_weights=options.vgg_weights,
        **_optimization(options),
    )
    _train(trainer, options)


def _benchmark(options: argparse.Namespace) -> None:
    result = benchmark.benchmark(options.data, options.scale, options.model)
    print(benchmark.report(result))
    if options.json:
        benchmark.write_json(result, options.json)


def _optimization(options: argparse.Namespace) -> dict:
    return {name: getattr(options, name) for name in ("learning_rate", "schedule", "precision")}


def _train(trainer: Trainer, options: argparse.Namespace) -> None:
    train, valid = data.load(
        options.data,
        num_images=options.num_images,
        seed=options.seed,
        scale=options.scale,
        kernel=options.kernel,
        min_size=options.hr_size,
    )
    trainer.train(
        train,
        valid.take(options.num_valid),
        steps=options.steps,
        evaluate_every=options.evaluate_every,
        checkpoint_every=options.checkpoint_every,
        batch_size=options.batch_size,
        hr_size=options.hr_size,
        seed=options.seed,
    )
