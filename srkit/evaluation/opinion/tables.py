"""A study's report in the terminal."""

from srkit.evaluation.metrics import METRICS
from srkit.evaluation.opinion.study import SCORES
from srkit.evaluation.report import print_lines, print_table

SIMULATED = "SIMULATED answers, made by a program: nobody has looked at these pictures"


def print_report(report: dict) -> None:
    """Prints the tables of a report, and what they rest on.

    Args:
        report: What `report_study` returned.
    """
    if report["simulated"]:
        print_lines([SIMULATED])
    (_print_pairs if report["kind"] == "pairs" else _print_ratings)(report)
    raters = [f"{each['rater']} {each['answers']} of {each['of']}" for each in report["raters"]]
    counted = sum(each["counts"] for each in report["raters"])
    lines = [f"{counted} of {len(raters)} raters counted; answers: {', '.join(raters)}", report["protocol"]]
    print_lines([*lines, *report["notes"]])


def _print_ratings(report: dict) -> None:
    for name, methods in _by_set(report["methods"]).items():
        rows = [
            [each["method"], _number(each["mos"]), _interval(each["interval"]), *map(str, each["distribution"])]
            for each in methods
        ]
        print_table([name, "MOS", "95 %", *map(str, SCORES)], rows)
        print_table(*_scores_table(name, methods, _by_set(report["correlations"])[name]))
        rows = [
            [f"{each['other']} - {each['first']}", _number(each["difference"], signed=True), _p(each["p"])]
            for each in _by_set(report["comparisons"])[name]
        ]
        print_table([name, "MOS", "p"], rows)
    print_lines(
        [
            "MOS: mean opinion score, 1 bad to 5 excellent; 95 %: bootstrap over raters and images; 1 to 5: answers",
            "Spearman: rank correlation with the opinion over all pictures but the originals",
            "p: paired two-sided Wilcoxon signed-rank test over images, with Holm's correction within the set; none "
            "where fewer than 6 images differ",
            *_reliability(report),
        ]
    )


def _scores_table(name: str, methods: list[dict], correlations: list[dict]) -> tuple:
    """The metrics beside the opinion: header, rows, notes and the last row of `print_table`."""
    metrics = [METRICS[each["metric"]] for each in correlations]
    rows = [
        [each["method"], _number(each["mos"]), *map(_number, each["metrics"].values(), (m.digits for m in metrics))]
        for each in methods
    ]
    last = ["Spearman", "", *(_number(each["spearman"], signed=True) for each in correlations)]
    return [name, "MOS", *(metric.label for metric in metrics)], rows, (), last


def _print_pairs(report: dict) -> None:
    for name, methods in _by_set(report["methods"]).items():
        rows = [
            [
                *(each["method"], _number(each["score"], signed=True), _interval(each["interval"])),
                *(str(each["wins"]), str(each["losses"])),
            ]
            for each in methods
        ]
        print_table([name, "score", "95 %", "won", "lost"], rows)
        rows = [
            [
                f"{each['first']} : {each['other']}",
                " : ".join(map(str, each["answers"])),
                " : ".join(map(str, each["images"])),
                _p(each["p"]),
            ]
            for each in _by_set(report["comparisons"])[name]
        ]
        print_table([name, "answers", "images", "p"], rows)
    repeats = report["repeats"]
    print_lines(
        [
            "score: Bradley-Terry; the odds to win are exp(difference); 95 %: bootstrap over raters and images",
            "p: exact two-sided sign test over images (won by the choice of most), with Holm's correction in the set",
            f"repeats: {repeats['same']} of {repeats['pairs']} pairs got the same answer with the sides exchanged",
            f"left was chosen in {report['left']:.0%} of answers",
        ]
    )


def _by_set(rows: list[dict]) -> dict[str, list[dict]]:
    sets: dict[str, list[dict]] = {}
    for row in rows:
        sets.setdefault(row["set"], []).append(row)
    return sets


def _reliability(report: dict) -> list[str]:
    repeats, agreement = report["repeats"], report["agreement"]
    again = f"repeats: {repeats['pairs']} pictures rated again"
    if repeats["pairs"]:
        difference = _number(repeats["mean_difference"], signed=True)
        again += f", weighted kappa {_number(repeats['kappa'])}, mean difference {difference}"
    if agreement is None:
        return [again, "raters: no intraclass correlation; it takes two raters who have finished"]
    single, mean = (_number(agreement[name]) for name in ("icc_single", "icc_mean"))
    return [again, f"raters: ICC(2,1) {single}, ICC(2,k) {mean} over {agreement['raters']} who have finished"]


def _number(value: float | None, digits: int = 2, signed: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def _interval(ends: list[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
