"""`python -m srkit rate`: a study in which people judge pictures, and its report."""

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from srkit import evaluation
from srkit.cli.arguments import add_degradation, add_scale, output_file, positive_int
from srkit.cli.quiet import import_tensorflow
from srkit.errors import InputError
from srkit.evaluation import opinion
from srkit.evaluation.opinion.study import NUM_TOLD
from srkit.files import replacing
from srkit.image import INTERPOLATIONS
from srkit.models.presets import MODEL_NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SECONDS = 5  # that people take for a picture, about


def add_commands(commands: argparse._SubParsersAction) -> None:
    text = "Have people judge pictures: make a study, show it, report the mean opinion scores."
    steps = commands.add_parser("rate", help=text, description=text).add_subparsers(required=True, metavar="STEP")
    _add_make(steps)
    text = "Show a study's page on this machine, and take the answers. Ctrl-C ends."
    serve = steps.add_parser("serve", help=text, description=text)
    serve.add_argument("study", metavar="DIR", help="The study's folder.")
    serve.add_argument("--port", type=int, default=8737, metavar="N", help="Where to listen. Default: %(default)s.")
    serve.set_defaults(command=_serve)
    text = "Report what the answers of a study say."
    report = steps.add_parser("report", help=text, description=text)
    report.add_argument("study", metavar="DIR", help="The study's folder. Answers that were sent lie in DIR/answers.")
    report.add_argument("--json", type=output_file, metavar="FILE", help="Also write the report to this file.")
    report.add_argument("--figure", type=output_file, metavar="FILE", help="Also draw it to this file.")
    report.set_defaults(command=_report)


def _add_make(steps: argparse._SubParsersAction) -> None:
    make = steps.add_parser(
        "make",
        help="Make the pictures and the page of a study.",
        description="Makes the pictures and the page of a study: those of each method, and the originals.",
        usage="python -m srkit rate make --data DIR [DIR ...] --model MODEL [MODEL ...] -o STUDY [options]",
    )
    make.add_argument("--data", nargs="+", required=True, metavar="DIR", help="Folders of HR images, each a set.")
    make.add_argument(
        "--model",
        nargs="+",
        action="extend",
        required=True,
        help=f"Methods to judge: {', '.join((*INTERPOLATIONS, *MODEL_NAMES))}; or paths of weights or .keras files, "
        "with a + behind for the self-ensemble.",
    )
    make.add_argument("-o", "--output", required=True, metavar="STUDY", help="Folder of the study, not yet there.")
    add_scale(make)
    make.add_argument(
        "--pairwise",
        action="store_true",
        help="Ask which of two pictures is better, instead of a score for one. The original is left out, unless it is "
        "one of the models.",
    )
    make.add_argument(
        "--crop", type=positive_int, metavar="PX", help="Show the middle PX x PX of each picture. Default: all of it."
    )
    make.add_argument(
        "--calibration",
        metavar="DIR",
        help="HR images for calibration, that are not in the test. Default: photographs of scikit-image.",
    )
    add_degradation(make)
    make.add_argument(
        "--metrics",
        nargs="+",
        choices=tuple(evaluation.METRICS),
        default=evaluation.DEFAULT_METRICS,
        help=f"What to measure for the report. Default: {' '.join(evaluation.DEFAULT_METRICS)}.",
    )
    make.set_defaults(command=_make)


def _make(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    study = opinion.make_study(
        arguments.data,
        arguments.scale,
        arguments.model,
        arguments.output,
        pairwise=arguments.pairwise,
        calibration=arguments.calibration,
        crop=arguments.crop,
        degradation=arguments.degradation,
        metrics=arguments.metrics,
    )
    num_calibration = NUM_TOLD + len(study.calibration_trials)
    asked = len(study.trials) + study.num_repeated
    things = "pairs" if study.pairwise else "pictures"
    print(
        f"{study.folder}: {', '.join(study.methods)} on {', '.join(study.sets)}\n"
        f"Each rater sees {num_calibration} {things} for calibration, then {asked}, {study.num_repeated} of them for "
        f"the second time: about {-(-(num_calibration + asked) * _SECONDS // 60)} minutes.\n"
        f"Next: python -m srkit rate serve {study.folder}"
    )


def _serve(arguments: argparse.Namespace) -> None:
    opinion.serve_study(arguments.study, arguments.port)


def _report(arguments: argparse.Namespace) -> None:
    from srkit.evaluation.report import write_json

    report = opinion.report_study(arguments.study)
    if arguments.json:
        write_json(report, arguments.json)
    if arguments.figure:
        _write_figure(opinion.draw_report(report), arguments.figure)
    opinion.print_report(report)


def _write_figure(figure: "Figure", path: Path) -> None:
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise InputError(f"A figure cannot be written as {path}: use an ending such as .png, .pdf or .svg.")
    with replacing(path, ending=path.suffix) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that Matplotlib's font lacks
        figure.savefig(temporary, dpi=150)
