"""Every code block of the documentation works as it stands there, or says why it was not run."""

import io
import re
import sys
from collections import Counter
from contextlib import redirect_stdout, suppress
from functools import cache

import pytest
from pages import LANGUAGES, PAGES, REASONS, ROOT, blocks_of
from running import run_block

from polar_search import cli

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


def name_of(page):
    return str(page.relative_to(ROOT).with_suffix(""))


def to_run():
    """Pages with blocks; those that train a predictor take longest."""
    for page in PAGES:
        if blocks := blocks_of(page):
            trains = any("polar-search train" in block.code for block in blocks)
            yield pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if trains else [])


@pytest.mark.parametrize("page", list(to_run()))
def test_the_blocks_of_a_page_work(page, folder):
    before, names = set(sys.modules), {}
    for block in blocks_of(page):
        run_block(block, folder, names)
    # What this page had the reader write is not what the next page means by the same name.
    for name in set(sys.modules) - before:
        if (folder / f"{name}.py").exists():
            del sys.modules[name]


def test_every_block_says_what_it_is():
    assert [block.place for block in BLOCKS if block.language not in LANGUAGES] == []


def test_blocks_that_are_not_run_are_few_and_say_why():
    """Change these numbers knowingly: each is a block that only a reader has tried."""
    reasons = Counter(block.not_run for block in BLOCKS if block.not_run)
    assert reasons.keys() <= REASONS
    assert reasons == {
        "has tests of its own": 1,
        "takes minutes": 7,
        "needs a cluster": 3,
        "sets up an environment": 4,
        "needs a running server": 2,
        "needs the Hub": 2,
    }


@cache
def help_of(command):
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        cli.main([command, "--help"])
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_and_flag_of_a_page_exists(page):
    """Of blocks that are run and of those that are not."""
    for block in blocks_of(page):
        for command in block.commands if block.language == "sh" else ():
            for called in re.findall(r"polar-search ([a-z].*)", command):
                name = called.split()[0]
                assert name in cli.COMMANDS, f"{block.place}: {name}"
                flags = re.findall(r" (--[a-z-]+)", called)
                missing = {flag for flag in flags if f"{flag} " not in help_of(name)}
                assert not missing, f"{block.place}: {name} {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
