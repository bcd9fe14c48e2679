"""`python -m srkit runs` and `presets`: tables of what is there."""

import argparse
import sys

import rich.console
import rich.markup
import rich.table

from srkit import training
from srkit.inference.styles import FAMILIES
from srkit.models.presets import PRESETS, preset_for

_WIDTH_OF_FILES = 1000


def add_commands(commands: argparse._SubParsersAction) -> None:
    text = "List the trainings in a folder, with step, scores and state."
    runs = commands.add_parser("runs", help=text, description=text)
    runs.add_argument("folder", nargs="?", default="runs", help="Folder to search. Default: %(default)s.")
    runs.set_defaults(command=_runs)
    text = "List the weights that come with the kit."
    presets = commands.add_parser("presets", help=text, description=text)
    presets.set_defaults(command=_presets)


def _runs(arguments: argparse.Namespace) -> None:
    table = _table("run", "trainer", "steps", "PSNR, dB", "SSIM", "state", "checkpoint")
    for run in training.list_runs(arguments.folder):
        psnr, ssim = (run.scores.get(name) for name in ("psnr", "ssim"))
        table.add_row(
            rich.markup.escape(run.path.as_posix()),
            run.trainer,
            f"{run.step:,} of {run.steps:,}",
            "" if psnr is None else f"{psnr:.2f}",
            "" if ssim is None else f"{ssim:.4f}",
            run.state,
            run.age,
        )
    if table.rows:
        _print(table)
    else:
        print(f"There is no run in {arguments.folder}.")


def _presets(arguments: argparse.Namespace) -> None:
    table = _table("preset", "parameters", "Set5, dB", "Set14, dB", "")
    styles = {preset_for(None, family): f" (style {style})" for style, family in FAMILIES.items()}
    for name, preset in PRESETS.items():
        psnrs = [f"{preset.scores[data][0]:.2f}" if data in preset.scores else "" for data in ("Set5", "Set14")]
        table.add_row(name, f"{preset.num_parameters / 1e6:.2f} M", *psnrs, preset.description + styles.get(name, ""))
    _print(table)


def _table(*columns: str) -> rich.table.Table:
    """A table whose first column, the names, is never cut off."""
    table = rich.table.Table(box=None)
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="ellipsis" if index else "fold")
    return table


def _print(table: rich.table.Table) -> None:
    """Prints a table; in a file or a pipe, each row is one line, as long as it must be."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    rich.console.Console(width=width, highlight=False).print(table)
