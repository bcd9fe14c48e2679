"""`python -m srkit upscale`. Most of its options are the fields of `srkit.inference.UpscaleOptions`."""

import argparse
import sys
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from srkit import inference, models
from srkit.cli.arguments import add_options, read_options
from srkit.cli.quiet import import_tensorflow
from srkit.devices import device_report
from srkit.errors import InputError
from srkit.inference.styles import DEFAULT_STRENGTH, STYLES
from srkit.models.presets import MODEL_NAMES

if TYPE_CHECKING:
    import keras

_STYLES_HELP = {
    "faithful": "true to a clean image, pixel by pixel.",
    "photo": "for photographs with noise and traces of JPEG.",
    "sharp": "the most texture, likely but invented.",
}


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "upscale",
        help="Upscale photographs.",
        description="Upscales photographs. The results keep depth, transparency, colour profile and metadata.",
        usage="python -m srkit upscale IN [IN ...] [-o OUT] [options]",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help="Files, folders, patterns such as '**/*.jpg', or - for a list of paths on standard input.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="File, folder, or pattern such as 'big/{dir}/{stem}_{size}.webp'. Default: beside each photograph.",
    )
    about = " ".join(f"{style}: {_STYLES_HELP[style]}" for style in STYLES if style in _STYLES_HELP)
    model = parser.add_argument_group("model")
    model.add_argument(
        "--style",
        choices=STYLES,
        help="auto, the default: photo for files in a lossy format (JPEG, lossy WebP, HEIC, AVIF), faithful for "
        f"others. {about} Only faithful has weights for --scale 2 and 3; what the others make at x4 is reduced.",
    )
    model.add_argument(
        "--strength",
        metavar="N",
        type=float,
        help=f"How much texture the style photo draws, from 0 to 1. Default: {DEFAULT_STRENGTH:g}.",
    )
    model.add_argument(
        "--model",
        metavar="PATH|PRESET",
        help=f"Model's file, or one of {', '.join(MODEL_NAMES)}; replaces --style and --strength.",
    )
    model.add_argument(
        "--mix",
        nargs=3,
        metavar=("A", "B", "N"),
        help="Mix the weights of two models of one architecture: N of the second, from 0 to 1, and the rest of the "
        "first. Replaces --model.",
    )
    model.add_argument("--trust", action="store_true", help="Load a model's file that holds program code.")
    parser.add_argument("--verbose", action="store_true", help="Say which device computes.")
    results = parser.add_argument_group("results that are already there", "Default: they stay, and count as failed.")
    existing = results.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="Replace them.")
    existing.add_argument("--skip-existing", action="store_true", help="Skip their photographs.")
    add_options(parser, inference.UpscaleOptions)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    import_tensorflow()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow's warnings of damaged files do not name them
    if arguments.verbose:
        print(device_report())
    existing = "overwrite" if arguments.overwrite else "skip" if arguments.skip_existing else "refuse"
    options = read_options(arguments, inference.UpscaleOptions, existing=existing)
    summary = inference.upscale_files(arguments.inputs, arguments.output, _model_or_styles(arguments), options)
    if summary.styles:
        print(_one_line("; ".join(f"{_counted(formats)}: {style}" for style, formats in summary.styles.items())))
    for remark, photographs in summary.remarks.items():
        others = f" and {len(photographs) - 1} more" if len(photographs) > 1 else ""
        print(_one_line(f"{photographs[0]}{others}: {remark}"))
    for reason in summary.failed.values():
        print(_one_line(f"srkit: {reason}"), file=sys.stderr)
    print(summary)
    return 1 if summary.failed else 0


def _model_or_styles(arguments: argparse.Namespace) -> "keras.Model | inference.Styles":
    if arguments.model is None and arguments.mix is None:
        return inference.Styles(arguments.style or "auto", arguments.strength)
    if arguments.model and arguments.mix:
        raise InputError("--mix names its models: leave --model out.")
    if arguments.style is not None or arguments.strength is not None:
        option = "--model" if arguments.model else "--mix"
        raise InputError(f"{option} replaces --style and --strength: give one or the other.")
    if arguments.model:
        return models.load_model(arguments.model, trust=arguments.trust)
    *names, share = arguments.mix
    try:
        share = float(share)
    except ValueError:
        raise InputError(f"--mix takes two models and a number from 0 to 1, such as 0.5; received {share}.") from None
    return models.mix(*(models.load_model(name, trust=arguments.trust) for name in names), share)


def _counted(formats: Counter[str]) -> str:
    """How many photographs there were of each format, such as `7 JPEG, 1 WEBP`."""
    return ", ".join(f"{count} {name}" for name, count in formats.most_common())


def _one_line(text: str) -> str:
    """The text with line breaks, and other signs that a terminal does not show, spelt out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
