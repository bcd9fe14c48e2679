"""`python -m srkit upscale`."""

import argparse
import sys
import warnings

from srkit import inference, models
from srkit.cli.arguments import add_options, read_options
from srkit.cli.quiet import import_tensorflow
from srkit.models.presets import DEFAULT_PRESET, GENERATORS


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
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        metavar="PATH|PRESET",
        help=f"Model's file, or one of {', '.join(GENERATORS)}. Default: {DEFAULT_PRESET}, or its like for --scale.",
    )
    model.add_argument("--trust", action="store_true", help="Load a .keras file that holds program code.")
    existing = parser.add_argument_group("results that are already there").add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="Replace them.")
    existing.add_argument("--skip-existing", action="store_true", help="Skip their photographs.")
    add_options(parser, inference.UpscaleOptions)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    import_tensorflow()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow's warnings of damaged files do not name them
    existing = "overwrite" if arguments.overwrite else "skip" if arguments.skip_existing else "refuse"
    options = read_options(arguments, inference.UpscaleOptions, existing=existing)
    model = models.load_model(arguments.model or models.preset_for(options.scale), trust=arguments.trust)
    summary = inference.upscale_files(arguments.inputs, arguments.output, model, options)
    for remark, photographs in summary.remarks.items():
        others = f" and {len(photographs) - 1} more" if len(photographs) > 1 else ""
        print(_one_line(f"{photographs[0]}{others}: {remark}"))
    for reason in summary.failed.values():
        print(_one_line(f"srkit: {reason}"), file=sys.stderr)
    print(summary)
    return 1 if summary.failed else 0


def _one_line(text: str) -> str:
    """The text with line breaks, and other signs that a terminal does not show, spelt out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
