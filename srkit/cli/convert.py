"""`python -m srkit convert`: weights that other projects trained, as a file of this kit."""

import argparse
import json
from pathlib import Path

from srkit import models
from srkit.cli.quiet import import_tensorflow
from srkit.errors import InputError
from srkit.files import write_atomically
from srkit.image import SCALES

_ENDINGS = (".keras", ".weights.h5")


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "convert",
        help="Convert weights of other projects (.pth, .pt, .safetensors, Keras 2's .h5).",
        description="Opens weights that another project trained, says what is in the file, and saves them as a file of "
        "this kit, with a card beside it. Nothing in the file is executed, and its project's programs are not needed. "
        "The other commands take such files as they are.",
    )
    parser.add_argument("file", metavar="FILE", help="File of weights; docs/foreign-weights.md says what is known.")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="NAME",
        help=f"File to write; its name ends in {' or '.join(_ENDINGS)}. The card is NAME.json.",
    )
    parser.add_argument(
        "--scale",
        type=int,
        choices=SCALES,
        help="Scale of a network whose file does not say it (SRCNN, VDSR). Default: 4.",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace what is there.")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> None:
    output = Path(arguments.output)
    ending = next((ending for ending in _ENDINGS if output.name.endswith(ending)), None)
    if ending is None:
        raise InputError(f"Models are saved as {' or '.join(_ENDINGS)}; received {output}.")
    card = output.with_name(f"{output.name.removesuffix(ending)}.json")
    for path in (output, card):
        if path.exists() and not arguments.overwrite:
            raise InputError(f"{path} is already there: give another name, or --overwrite.")
    import_tensorflow()
    opened = models.open_foreign(arguments.file, arguments.scale)
    print(opened)
    for remark in opened.remarks:
        print(remark)
    if ending == ".keras":
        models.save_keras_model(opened.model, output)
    else:
        models.save_weights(opened.model, output)
    text = json.dumps(opened.card(), indent=2, ensure_ascii=False)
    write_atomically(card, lambda file: file.write(text.encode()), arguments.overwrite)
    print(f"Wrote {output} and its card {card}. The licence of the weights is their authors'.")
