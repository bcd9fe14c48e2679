import argparse
import dataclasses

import pytest

from srkit import InputError
from srkit.cli.arguments import add_options, read_options
from srkit.inference import UpscaleOptions
from srkit.options import option
from srkit.training import GanOptions, TrainOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    losses: dict = option({"l1": 1.0}, "Losses.", group="losses", choices=("l1", "mse"), flag="--loss")
    patch_size: int = option(96, "Side of the crops, 100 % HR.", group="batches", metavar="PX")
    rate: float = option(1e-4, "Rate.", group="batches")
    limit: float | None = option(None, "Limit. Default: none.", group="batches", type=float)
    kind: str = option("a", "Kind.", group="batches", choices=("a", "b"))
    fast: bool = option(False, "Fast.", group="batches")
    not_an_option: int = 3

    def __post_init__(self):
        if self.rate < 0:
            raise InputError("rate must be at least 0.")


def parse(*words: str, options: type = Options):
    parser = argparse.ArgumentParser()
    add_options(parser, options)
    return read_options(parser.parse_args(words), options)


@pytest.mark.parametrize("options", [Options, UpscaleOptions, TrainOptions, GanOptions])
def test_without_arguments_all_is_default(options):
    assert parse(options=options) == options()


def test_each_type_of_field_is_read():
    words = [
        "--loss",
        "mse=1",
        "l1=2e-1",
        "--patch-size",
        "48",
        "--rate",
        "1",
        "--limit",
        "0.5",
        "--kind",
        "b",
        "--fast",
    ]
    expected = Options(losses={"mse": 1, "l1": 0.2}, patch_size=48, rate=1.0, limit=0.5, kind="b", fast=True)
    assert parse(*words, "--fast") == expected
    assert parse("--loss", "mse=1", "--loss", "l1=2").losses == {"mse": 1, "l1": 2}
    assert parse().losses == {"l1": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--loss", "l2=1"], "there is no 'l2': choose from l1, mse"),
        (["--loss", "l1"], "must be NAME=NUMBER, such as l1=1; received l1"),
        (["--kind", "c"], "invalid choice"),
        (["--patch-size", "4.5"], "invalid int value"),
    ],
)
def test_what_is_wrong_is_told(words, message, capsys):
    with pytest.raises(SystemExit):
        parse(*words)
    assert message in capsys.readouterr().err


def test_the_dataclass_has_the_last_word():
    with pytest.raises(InputError, match="rate must be"):
        parse("--rate", "-1")


def test_help_has_groups_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "losses: --loss" in text and "batches: --patch-size PX" in text
    assert "Losses. Names: l1, mse. Default: l1=1." in text
    assert "Side of the crops, 100 % HR. Default: 96." in text
    assert "Rate. Default: 0.0001." in text and text.count("Default: none") == 1
