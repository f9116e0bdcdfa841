"""`polar-search search` and `stats`: what they print, and that nothing ends a run for good."""

import json
import random
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from commands import start, tables

from polar_search import cli

SEARCH = ["search", "--max-edits", "1", "--threads", "1", "--level", "[1,3,5]"]
SLOWLY = ["--rows", "1", "--ask-batch", "1"]
"""One program at a time, so that a run takes some seconds on any machine."""


def output(capsys):
    """What was printed, without line breaks."""
    return " ".join(capsys.readouterr().out.split())


def test_a_search_tells_what_it_did_and_stats_tells_what_it_found(capfd, tmp_path):
    arguments = [*SEARCH, "--limit", "1", "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 0
    out, errors = capfd.readouterr()
    assert errors == "", "libraries have nothing to add"
    text = " ".join(out.split())
    assert "3/3 examples, 159/159 programs" in text
    assert "159 outcomes of 3 examples (159 executed, 0 from the store)" in text
    assert str(tmp_path / "run") in text.replace(" ", "")

    assert cli.main(["stats", str(tmp_path / "run")]) == 0
    text = output(capfd)
    assert "3 examples x 53 programs = 159 outcomes" in text
    assert json.loads((tmp_path / "run" / "stats.json").read_text())["num_layers"] == 8

    assert cli.main(arguments) == 0
    assert "159 outcomes of 3 examples (0 executed, 159 from the store)" in output(capfd)


def test_limit_and_budget_may_grow(capsys, tmp_path):
    arguments = [*SEARCH, "--out", str(tmp_path)]
    assert cli.main([*arguments, "--limit", "1", "--budget", "4"]) == 0
    assert cli.main([*arguments, "--limit", "2", "--budget", "9"]) == 0
    assert "60 outcomes of 6 examples (45 executed, 15 from the store)" in output(capsys)


def test_a_dry_run_estimates_and_leaves_nothing(capsys, tmp_path):
    assert cli.main([*SEARCH, "--limit", "2", "--dry-run", "--out", str(tmp_path / "run")]) == 0
    text = output(capsys)
    assert "6 examples, 53 programs in the space, 318 outcomes at most" in text
    assert "-hours) at" in text
    assert "nothing stored" in text
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Many seconds of slow search, done at once."""
    run = tmp_path_factory.mktemp("undisturbed")
    arguments = [*SEARCH, *SLOWLY, "--limit", "7"]
    fast = [*arguments, "--rows", "1024"]
    assert cli.main([*fast, "--out", str(run)]) == 0
    return SimpleNamespace(arguments=arguments, fast=fast, tables=tables(run))


def began(run):
    """Wait until the search into `run` begins."""
    while not (run / "environment.json").exists():
        time.sleep(0.02)


def worked(process, seconds):
    """Wait until the process has computed for so long; on a busy machine that takes longer."""

    def spent():
        times = psutil.Process(process.pid).cpu_times()
        return times.user + times.system

    goal = spent() + seconds
    while spent() < goal:
        time.sleep(0.02)


def wrote(run):
    """Wait until there are outcomes in `run`."""
    while not list((run / "outcomes").glob("*.parquet")):
        time.sleep(0.02)


def test_a_run_killed_three_times_ends_like_an_undisturbed_one(undisturbed, tmp_path):
    run, rng = tmp_path / "run", random.Random(0)
    moments = (
        lambda: time.sleep(rng.uniform(0.0, 2.0)),  # while torch is imported
        lambda: wrote(run),
        lambda: time.sleep(rng.uniform(2.0, 4.0)),
    )
    for moment in moments:
        with start(*undisturbed.arguments, "--out", str(run)) as process:
            moment()
            time.sleep(rng.uniform(0.0, 0.5))
            process.kill()
        assert process.returncode == -signal.SIGKILL, "it was over before it was killed"

    outcomes, trace = tables(run)
    assert 0 < len(trace) <= len(outcomes) < len(undisturbed.tables[0])
    parts = {path: path.read_bytes() for path in run.rglob("*.parquet")}
    assert cli.main([*undisturbed.fast, "--out", str(run)]) == 0
    assert tables(run) == undisturbed.tables
    assert all(path.read_bytes() == content for path, content in parts.items())
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["reused"], summary["executed"]) == (
        len(outcomes),
        len(undisturbed.tables[0]) - len(outcomes),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_random_ends_like_an_undisturbed_one(undisturbed, tmp_path, seed):
    run, rng = tmp_path / "run", random.Random(seed)
    for _ in range(6):
        with start(*undisturbed.arguments, "--out", str(run)) as process:
            time.sleep(rng.uniform(0.0, 10.0))
            process.kill()
    assert cli.main([*undisturbed.fast, "--out", str(run)]) == 0
    assert tables(run) == undisturbed.tables


def interrupt(arguments, run, moment):
    """Start a search, send SIGINT after `moment`, and give back its exit code and its errors."""
    with start(*arguments, "--out", str(run)) as process:
        moment(process)
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    return process.returncode, errors


def test_an_interrupted_run_keeps_what_was_evaluated_and_goes_on(capsys, undisturbed, tmp_path):
    def moment(process):
        began(tmp_path)
        worked(process, 1.5)  # less than what passes before anything is written

    code, errors = interrupt(undisturbed.arguments, tmp_path, moment)
    assert errors == (
        "polar-search: interrupted; what was evaluated is stored, the same command goes on\n"
    )
    assert code == 130
    outcomes, trace = tables(tmp_path)
    assert 0 < len(trace) == len(outcomes) < len(undisturbed.tables[0])

    assert cli.main([*undisturbed.fast, "--out", str(tmp_path)]) == 0
    assert f", {len(outcomes):,} from the store)" in output(capsys)
    assert tables(tmp_path) == undisturbed.tables


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.4, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
def test_an_interrupt_at_any_moment_is_one_line(undisturbed, tmp_path, delay):
    """Before the run has begun, nothing is claimed to be stored."""
    run = tmp_path / "run"

    def moment(process):
        # Python itself takes its time to start; from the import of torch on, the command is ours.
        while "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text():
            time.sleep(0.01)
        time.sleep(delay)

    code, errors = interrupt(undisturbed.arguments, run, moment)
    assert code == 130
    assert errors.startswith("polar-search: interrupted")
    assert errors.count("\n") == 1
    if not (run / "config.json").exists():
        assert "stored" not in errors
    elif "stored" in errors:
        assert cli.main(["stats", str(run)]) in (0, 2)
