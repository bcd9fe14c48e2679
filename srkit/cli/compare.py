"""`python -m srkit compare`: two images in one page, one over the other."""

import argparse
import sys
import webbrowser
from pathlib import Path

from srkit import notebook


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "compare",
        help="Compare two images in a page, with a slider between them.",
        description="Writes a page that shows one image over the other, with a slider between them: in one file, "
        "which any browser opens without a network. If the images do not fit the page, it also shows the square with "
        "the most detail, with all its pixels.",
    )
    parser.add_argument("before", metavar="BEFORE", help="Image on the left.")
    parser.add_argument("after", metavar="AFTER", help="Image on the right; the smaller of the two is enlarged.")
    parser.add_argument(
        "-o", "--output", metavar="PAGE", help="File to write. Default: AFTER's name with _compared.html, beside it."
    )
    parser.add_argument(
        "--zoom",
        nargs=3,
        type=int,
        metavar=("TOP", "LEFT", "SIDE"),
        help="The square to show with all its pixels, in pixels of the larger image.",
    )
    parser.add_argument("--open", action="store_true", help="Open the page in the browser.")
    parser.add_argument("--overwrite", action="store_true", help="Replace a page that is already there.")
    parser.set_defaults(command=_run)


def open_in_browser(path: Path) -> None:
    """Opens a page in the person's browser, or says that there is none."""
    if not webbrowser.open(path.absolute().as_uri()):
        print(f"srkit: no browser was found: open {path}", file=sys.stderr)


def _run(arguments: argparse.Namespace) -> None:
    before, after = Path(arguments.before), Path(arguments.after)
    output = arguments.output or after.with_name(f"{after.stem}_compared.html")
    page = notebook.ComparisonPage(output, "overwrite" if arguments.overwrite else "refuse")
    zoom = tuple(arguments.zoom) if arguments.zoom else None
    page.add(after.name, before, after, (f"before: {before.name}", f"after: {after.name}"), zoom)
    page.write()
    print(page.path)
    if arguments.open:
        open_in_browser(page.path)
