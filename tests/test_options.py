import dataclasses

from srkit.options import documented, option


def test_a_field_carries_its_help_and_a_dict_is_copied():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Options:
        quality: int = option(95, "Quality of JPEG files.", group="output", choices=(95, 99), metavar="N", type=int)
        losses: dict = option({"l1": 1.0}, "Losses.", group="losses")

    quality, losses = dataclasses.fields(Options)
    assert quality.metadata == {
        "help": "Quality of JPEG files.", "group": "output", "choices": (95, 99), "metavar": "N", "type": int,
        "flag": None,
    }  # fmt: skip
    assert losses.metadata["choices"] is None
    assert Options(quality=99).quality == 99
    assert Options().losses == {"l1": 1.0} and Options().losses is not Options().losses


def test_the_docstring_of_a_documented_class_tells_each_option():
    @documented
    @dataclasses.dataclass
    class Options:
        """Options of something."""

        kind: str = option("fast", "What is done.", group="output", choices=("fast", "slow"))
        losses: dict = option({"l1": 1.0}, "Losses.", group="losses", choices=("l1", "mse"))
        other: int = 3

    assert Options.__doc__.splitlines() == [
        "Options of something.",
        "",
        "Options:",
        "    kind: What is done. Default: fast. One of fast, slow.",
        "    losses: Losses. Names: l1, mse. Default: l1=1.",
    ]
