"""`python -m srkit runs` and `presets`: tables of what is there."""

import argparse

import rich
import rich.markup
import rich.table

from srkit import training
from srkit.inference.styles import FAMILIES
from srkit.models.presets import PRESETS, preset_for


def add_commands(commands: argparse._SubParsersAction) -> None:
    text = "List the trainings in a folder, with step, scores and state."
    runs = commands.add_parser("runs", help=text, description=text)
    runs.add_argument("folder", nargs="?", default="runs", help="Folder to search. Default: %(default)s.")
    runs.set_defaults(command=_runs)
    text = "List the weights that come with the kit."
    presets = commands.add_parser("presets", help=text, description=text)
    presets.set_defaults(command=_presets)


def _runs(arguments: argparse.Namespace) -> None:
    table = rich.table.Table("run", "trainer", "steps", "PSNR, dB", "SSIM", "state", "checkpoint", box=None)
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
        rich.print(table)
    else:
        print(f"There is no run in {arguments.folder}.")


def _presets(arguments: argparse.Namespace) -> None:
    table = rich.table.Table("preset", "parameters", "Set5, dB", "Set14, dB", "", box=None)
    styles = {preset_for(None, family): f" (style {style})" for style, family in FAMILIES.items()}
    for name, preset in PRESETS.items():
        psnrs = [f"{preset.scores[data][0]:.2f}" if data in preset.scores else "" for data in ("Set5", "Set14")]
        table.add_row(name, f"{preset.num_parameters / 1e6:.2f} M", *psnrs, preset.description + styles.get(name, ""))
    rich.print(table)
