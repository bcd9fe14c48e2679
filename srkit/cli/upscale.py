"""`python -m srkit upscale`. Most of its options are the fields of `srkit.inference.UpscaleOptions`."""

import argparse
import contextlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit import inference, models, notebook
from srkit.cli.arguments import add_options, read_options
from srkit.cli.compare import open_in_browser
from srkit.cli.quiet import import_tensorflow
from srkit.devices import device_report
from srkit.errors import InputError
from srkit.inference.styles import DEFAULT_STRENGTH, STYLES
from srkit.models.presets import MODEL_NAMES

if TYPE_CHECKING:
    import keras

    from srkit.image import Photo

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
        usage="python -m srkit upscale IN [IN ...] [-o OUT] [options]\n"
        "       python -m srkit upscale FOLDER [FOLDER ...] --watch [-o OUT] [options]",
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
    _add_model(parser)
    parser.add_argument(
        "--watch",
        action="store_true",
        help="Watch the folders until Ctrl-C: upscale the photographs that have no result yet, and then each one that "
        "appears, once it is whole.",
    )
    parser.add_argument("--verbose", action="store_true", help="Say which device computes.")
    results = parser.add_argument_group("results that are already there", "Default: they stay, and count as failed.")
    existing = results.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="Replace them.")
    existing.add_argument("--skip-existing", action="store_true", help="Skip their photographs.")
    _add_page(parser)
    add_options(parser, inference.UpscaleOptions)
    parser.set_defaults(command=_run)


def _add_model(parser: argparse.ArgumentParser) -> None:
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


def _add_page(parser: argparse.ArgumentParser) -> None:
    page = parser.add_argument_group("comparison")
    page.add_argument(
        "--compare",
        metavar="PAGE",
        help="Also write a page, in one .html file, that shows each photograph and its result with a slider between "
        "them: all of it, and the square with the most detail. A photograph takes about 1 MB; the page ends at 50 MB. "
        "With --skip-existing, a page that is there goes on.",
    )
    page.add_argument("--open", action="store_true", help="Open the page in the browser at the end.")


def _run(arguments: argparse.Namespace) -> int:
    import_tensorflow()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow's warnings of damaged files do not name them
    if arguments.verbose:
        print(device_report())
    if arguments.watch and arguments.overwrite:
        raise InputError("--watch leaves results that are already there: leave --overwrite out.")
    skips = arguments.skip_existing or arguments.watch
    existing = "overwrite" if arguments.overwrite else "skip" if skips else "refuse"
    options = read_options(arguments, inference.UpscaleOptions, existing=existing)
    with _comparison(arguments, existing) as on_written:
        call = arguments.inputs, arguments.output, _model_or_styles(arguments), options, on_written
        summary = _watch(*call) if arguments.watch else inference.upscale_files(*call)
        if not arguments.watch:
            _tell(summary)
        print(summary)
    return 1 if summary.failed else 0


def _watch(folders: list[str], *call: Any) -> "inference.Summary":
    """Says of each photograph what became of it, until Ctrl-C; returns the numbers."""
    all_of_them = inference.Summary()
    print(_one_line(f"Watching {', '.join(folders)}; Ctrl-C ends."), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        for summary in inference.watch_folders(folders, *call):
            _tell(summary)
            for path in summary.done:
                print(_one_line(str(path)), flush=True)
            all_of_them.done += summary.done
            all_of_them.skipped += summary.skipped
            all_of_them.failed |= summary.failed
    return all_of_them


@contextlib.contextmanager
def _comparison(arguments: argparse.Namespace, existing: str) -> "Iterator[inference.OnWritten | None]":
    """What collects results for the page that was asked for. It is written at the end, also after Ctrl-C."""
    if arguments.compare is None:
        if arguments.open:
            raise InputError("--open opens the page of --compare: add --compare PAGE.html.")
        yield None
        return
    page = notebook.ComparisonPage(arguments.compare, existing)

    def add(source: Path, photo: "Photo", larger: "Photo") -> None:
        try:
            page.add(str(source), photo.to_rgb(), larger.to_rgb(), ("photograph", "upscaled"))
        except InputError as error:
            warnings.warn(f"{source} is not on the page: {error}", stacklevel=2)

    try:
        yield add
    finally:
        if page.num_added:
            page.write()
            print(page.path)
    if arguments.open and page.num_added:
        open_in_browser(page.path)


def _tell(summary: "inference.Summary") -> None:
    """Says what was taken, what was changed on the way, and what failed."""
    if summary.styles:
        print(_one_line("; ".join(f"{_counted(formats)}: {style}" for style, formats in summary.styles.items())))
    for remark, photographs in summary.remarks.items():
        others = f" and {len(photographs) - 1} more" if len(photographs) > 1 else ""
        print(_one_line(f"{photographs[0]}{others}: {remark}"))
    for reason in summary.failed.values():
        print(_one_line(f"srkit: {reason}"), file=sys.stderr)


def _model_or_styles(arguments: argparse.Namespace) -> "keras.Model | inference.Styles":
    if arguments.model is None and arguments.mix is None:
        return inference.Styles(arguments.style or "auto", arguments.strength)
    if arguments.model and arguments.mix:
        raise InputError("--mix names its models: leave --model out.")
    if arguments.style is not None or arguments.strength is not None:
        option = "--model" if arguments.model else "--mix"
        raise InputError(f"{option} replaces --style and --strength: give one or the other.")
    if arguments.model:
        return _at_scale(models.load_model(arguments.model, trust=arguments.trust), arguments.scale)
    *names, share = arguments.mix
    try:
        share = float(share)
    except ValueError:
        raise InputError(f"--mix takes two models and a number from 0 to 1, such as 0.5; received {share}.") from None
    mixed = models.mix(*(models.load_model(name, trust=arguments.trust) for name in names), share)
    return _at_scale(mixed, arguments.scale)


def _at_scale(model: "keras.Model", scale: float | None) -> "keras.Model":
    """The model; of one for several scales, such as MDSR, the branch that --scale names."""
    scales = models.scales_of(model)
    if len(scales) == 1:
        return model
    if scale not in scales:
        raise InputError(f"{model.name} has the scales {models.listed(scales)}: choose one with --scale.")
    return models.at_scale(model, int(scale))


def _counted(formats: Counter[str]) -> str:
    """How many photographs there were of each format, such as `7 JPEG, 1 WEBP`."""
    return ", ".join(f"{count} {name}" for name, count in formats.most_common())


def _one_line(text: str) -> str:
    """The text with line breaks, and other signs that a terminal does not show, spelt out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
