"""`python -m srkit export`: a model as a file for other programs."""

import argparse

from srkit import exporting
from srkit.cli.quiet import import_tensorflow
from srkit.exporting.formats import FORMATS, REFUSED
from srkit.image import SCALES


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "export",
        help="Write a model as SavedModel, TFLite or ONNX, for other programs.",
        description="Writes a model as a file that other programs compute, for images of any height and width, and "
        "beside it a card of what they must know, PATH.json. docs/export.md says which format is for what.",
    )
    parser.add_argument("model", metavar="MODEL", help="Preset (see `presets`), file of weights or run's folder.")
    parser.add_argument("--format", required=True, choices=(*FORMATS, *REFUSED), help="Format of the file.")
    parser.add_argument("-o", "--output", required=True, metavar="PATH", help="File; for savedmodel, the folder.")
    parser.add_argument(
        "--uint8", action="store_true", help="Images are uint8, and the result is rounded. Default: float32."
    )
    parser.add_argument("--scale", type=int, choices=SCALES, help="One scale of a model for several, as mdsr.")
    smaller = parser.add_mutually_exclusive_group()
    smaller.add_argument("--half", action="store_true", help="tflite: weights in float16, half the size.")
    smaller.add_argument(
        "--int8", action="store_true", help="tflite: 8 bits, calibrated on samples; says what it costs in dB."
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace what is there.")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    card = exporting.export(
        arguments.model,
        arguments.output,
        arguments.format,
        precision="half" if arguments.half else "int8" if arguments.int8 else "float32",
        uint8=arguments.uint8,
        scale=arguments.scale,
        overwrite=arguments.overwrite,
    )
    print(f"Wrote {arguments.output} and its card {arguments.output}.json.")
    print(f"x{card['scale']}; tiles must overlap by {card['tile_overlap_px']} px; licence: {card['licence']}.")
    if arguments.int8:
        cost = card["psnr_float32_db"] - card["psnr_db"]
        print(
            f"8 bits cost {cost:.2f} dB: {card['psnr_db']:.2f} dB, float32 {card['psnr_float32_db']:.2f} dB (PSNR of "
            "RGB on middles of three sample photographs that it was not calibrated on, LR by the bicubic kernel)."
        )
