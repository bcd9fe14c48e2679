"""`python -m srkit benchmark`."""

import argparse

from srkit import evaluation
from srkit.cli.arguments import add_degradation, add_scale, output_file
from srkit.cli.quiet import import_tensorflow
from srkit.image import INTERPOLATIONS
from srkit.models.presets import MODEL_NAMES


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "benchmark",
        help="Score models on a folder of HR images, as papers do.",
        description="Scores models on a folder of HR images, by the protocols of the papers.",
        usage="python -m srkit benchmark --data DIR [--model MODEL [MODEL ...]] [options]\n"
        "       python -m srkit benchmark --table FILE",
    )
    _add_images(parser.add_argument_group("images"))
    parser.add_argument_group("models").add_argument(
        "--model",
        nargs="+",
        action="extend",
        help=f"Models to score: {', '.join((*INTERPOLATIONS, *MODEL_NAMES))}; or paths of weights or .keras files. A + "
        "behind a name averages the results for eight flips and rotations. Each is compared with the first. "
        "Default: bicubic.",
    )
    protocol = parser.add_argument_group("protocol")
    protocol.add_argument(
        "--protocol",
        default="edsr",
        choices=tuple(evaluation.PROTOCOLS),
        help="Border that is cut before scoring: edsr as many pixels as the scale, srgan 4, div2k 6 "
        "more than the scale. Default: %(default)s.",
    )
    protocol.add_argument("--rgb", action="store_true", help="Take PSNR and SSIM of RGB instead of the Y channel.")
    protocol.add_argument(
        "--metrics",
        nargs="+",
        choices=tuple(evaluation.METRICS),
        default=evaluation.DEFAULT_METRICS,
        help="What to measure. "
        + " ".join(f"{name}: {metric.help}" for name, metric in evaluation.METRICS.items())
        + f" Default: {' '.join(evaluation.DEFAULT_METRICS)}.",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", type=output_file, metavar="FILE", help="Also write the scores to this file.")
    output.add_argument("--markdown", type=output_file, metavar="FILE", help="Also write tables to this file.")
    output.add_argument("--save", metavar="DIR", help="Write SR images and a sheet of crops to this folder.")
    parser.set_defaults(command=_run)


def _add_images(images: argparse._ArgumentGroup) -> None:
    task = images.add_mutually_exclusive_group(required=True)
    task.add_argument("--data", metavar="DIR", help="Folder of HR images.")
    task.add_argument(
        "--table",
        metavar="FILE",
        help="Score nothing: make the tables of a Markdown page, such as docs/tables.md, of published scores and "
        "the results of --json in the folder scores beside the page.",
    )
    images.add_argument(
        "--lr", metavar="DIR", help="Folder of LR images that were made elsewhere. Default: LR is made from HR."
    )
    add_degradation(images, "What is random is drawn with a fixed seed for each image.")
    add_scale(images)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.table:
        count = evaluation.fill_page(arguments.table)
        print(f"{arguments.table}: {count} tables made anew")
        return
    import_tensorflow()
    from srkit.evaluation.report import print_result, write_json, write_markdown

    result = evaluation.benchmark(
        arguments.data,
        arguments.scale,
        arguments.model or "bicubic",
        lr=arguments.lr,
        degradation=arguments.degradation,
        protocol=arguments.protocol,
        channel="rgb" if arguments.rgb else "y",
        metrics=arguments.metrics,
        save=arguments.save,
    )
    if arguments.json:
        write_json(result, arguments.json)
    if arguments.markdown:
        write_markdown(result, arguments.markdown)
    print_result(result)
