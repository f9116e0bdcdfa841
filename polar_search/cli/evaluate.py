"""`polar-search evaluate`: what a predictor is worth on examples it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from polar_search.cli.options import add_config, make_parser, read_config
from polar_search.predictor.settings import EvaluateConfig

if TYPE_CHECKING:
    from polar_search.analysis.intervals import Estimate
    from polar_search.analysis.outcomes import Level
    from polar_search.predictor.evaluation import Evaluation

DESCRIPTION = (
    "Execute what a predictor proposes for examples it has not seen, beside the standard pass, the "
    "best static program, menus, votes and samples; also kept in DIR/evaluation-SPLIT.json (of "
    "another task: DIR/evaluation-TASK-SPLIT.json)."
)
NOTE = (
    "oracle: the answer key picks among the answers, so it is no accuracy of use. gain: over the "
    "standard pass on the same examples. In brackets 95% intervals (Wilson; paired bootstrap). "
    "layers: executed for one answer, all programs together. time: of an answer beside the "
    "standard pass, choosing the program included; batches of 32 on this machine."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, evaluate, print."""
    parser = make_parser("evaluate", DESCRIPTION)
    parser.add_argument("predictor", type=str, help="the predictor's folder")
    add_config(parser, EvaluateConfig)
    config, parsed = read_config(parser, EvaluateConfig, arguments)

    from polar_search.cli.search import quieten_libraries
    from polar_search.predictor.evaluation import evaluate
    from polar_search.search.run import RunFolder

    quieten_libraries()
    console = Console()
    with console.status("evaluating") as status:
        folder = Path(parsed.predictor)
        evaluation = evaluate(folder, config, lambda name: status.update(f"done: {name}"))
    where = f"{config.task}-{config.split}".replace(":", "-") if config.task else config.split
    RunFolder(folder).write(f"evaluation-{where}.json", evaluation.to_dict())
    for level in dict.fromkeys(row.level for row in evaluation.rows):
        console.print(table_of(evaluation, level))
    console.print(summary(evaluation))
    console.print(NOTE)


def table_of(evaluation: Evaluation, level: Level) -> Table:
    """All contestants at one level."""
    rows = [row for row in evaluation.rows if row.level == level]
    title = f"level {level}, n = {rows[0].accuracy.n}, {evaluation.num_layers} layers"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for name in ("", "accuracy (%)", "gain", "layers", "time"):
        table.add_column(name, justify="left" if not name else "right")
    for row in rows:
        name = f"oracle {row.name}" if row.kind == "oracle" else row.name
        time = "" if row.latency is None else f"{row.latency:.2f}"
        gain = _percent(row.gain, signed=True)
        table.add_row(name, _percent(row.accuracy), gain, f"{row.layers:.1f}", time)
    return table


def summary(evaluation: Evaluation) -> str:
    """The watch against collapse, and what was chosen on val."""
    return (
        f"first choices: {evaluation.distinct_first} different programs, the standard pass in "
        f"{100 * evaluation.identity_first:.1f}% of examples. Best static program on val: "
        f"{evaluation.static}. Menu chosen on val: {', '.join(evaluation.menu)}.\n"
    )


def _percent(estimate: Estimate, *, signed: bool = False) -> str:
    """A share in percent; its interval in whole percents, finer than which it cannot tell."""
    sign = "+" if signed else ""
    value = f"{100 * (estimate.value or 0.0):{sign}.1f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:{sign}.0f}, {100 * estimate.high:{sign}.0f}]"
