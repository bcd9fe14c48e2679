"""`python -m srkit demo`."""

import argparse

from srkit import notebook


def add_commands(commands: argparse._SubParsersAction) -> None:
    demo = commands.add_parser(
        "demo",
        help="Run the first four notebooks, offline.",
        description="Runs the first four notebooks on photographs that come with the packages, without a network.",
    )
    demo.add_argument("--out", default="runs/demo", metavar="DIR", help="Folder for the results. Default: %(default)s.")
    demo.set_defaults(command=lambda arguments: notebook.run_demo(arguments.out))
