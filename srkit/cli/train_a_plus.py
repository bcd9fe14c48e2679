"""`python -m srkit train a-plus`."""

import argparse
from pathlib import Path

from srkit import classical
from srkit.cli.arguments import add_scale, output_file
from srkit.cli.quiet import import_tensorflow
from srkit.errors import InputError
from srkit.image import list_images


def add_command(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "a-plus",
        help="Train A+, which is no network, in minutes.",
        description="Trains A+ (Timofte et al. 2014), which is no network, in minutes.",
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="Folder of photographs.")
    add_scale(parser)
    parser.add_argument(
        "--output",
        required=True,
        type=_weights_file,
        metavar="FILE",
        help="Where the result is written, in float16: a name that ends in .weights.h5.",
    )
    parser.set_defaults(command=_run)


def _weights_file(text: str) -> Path:
    if not text.endswith(".weights.h5"):
        raise argparse.ArgumentTypeError(f"must end in .weights.h5; received {text}")
    return output_file(text)


def _run(arguments: argparse.Namespace) -> None:
    photographs = list_images(arguments.data)
    if not photographs:
        raise InputError(f"There are no photographs in {arguments.data}.")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)  # what cannot be written is told before the training
    import_tensorflow()
    from srkit import models

    model = classical.train_a_plus(photographs, arguments.scale)
    models.save_weights(model, arguments.output, half=True)
    megabytes = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {megabytes:.1f} MB, learned from {len(photographs)} photographs")
