"""The losses that know what failed, against enumeration in a space of 3 layers."""

import pytest
import torch

from polar_search.predictor.distribution import PathDistribution
from polar_search.predictor.labels import Label, read_labels
from polar_search.predictor.supervised import contrast_loss, verdict_loss
from polar_search.program import ProgramSpace
from polar_search.search.store import read_outcomes
from polar_search.tasks import Example

PROGRAMS = list(ProgramSpace(3, max_segment=2))
VALID = tuple(program for program in PROGRAMS if program.depth % 2)
INVALID = tuple(program for program in PROGRAMS if program.depth % 2 == 0)
EXAMPLE = Example("a", 1, "", "")
PRICE = 0.3


def label(valid, invalid):
    return Label(EXAMPLE, valid, (1 / len(valid),) * len(valid), invalid)


@pytest.fixture
def distribution():
    generator = torch.Generator().manual_seed(3)
    boundaries = torch.randn(2, 3, generator=generator, dtype=torch.double)
    return PathDistribution(boundaries, torch.randn(2, 3, 3, generator=generator).double(), 2)


def chances(distribution, row, programs):
    return distribution.log_prob(programs, [row] * len(programs)).exp()


def test_with_all_programs_tried_the_losses_are_expectations(distribution):
    labels = [label(VALID, INVALID)] * 2
    right = [chances(distribution, row, VALID).sum() for row in range(2)]
    depth = distribution.depth() / 3
    want = torch.stack(right) - PRICE * depth
    assert verdict_loss(distribution, labels, PRICE).item() == pytest.approx(-want.mean().item())
    want = torch.stack(right).log().mean()
    assert contrast_loss(distribution, labels).item() == pytest.approx(-want.item())


def test_what_was_not_tried_counts_as_failed(distribution):
    """Labels of different sizes in one batch: each has its own programs."""
    labels = [label(VALID[:1], INVALID[:3]), label(VALID, ())]
    one = chances(distribution, 0, [VALID[0], *INVALID[:3]])
    two = chances(distribution, 1, VALID).sum()
    found = verdict_loss(distribution, labels, 0.0)
    want = one[0] / one.sum() + one.sum().log() + 1 + two.log()
    assert found.item() == pytest.approx(-want.item() / 2)
    found = contrast_loss(distribution, labels)
    assert found.item() == pytest.approx(-(one[0].log() + two.log()).item() / 2)


def test_labels_know_what_failed(searched):
    rows = read_outcomes(searched).to_pylist()
    for one in read_labels(searched, max_programs=200).labels:
        mine = [row for row in rows if row["example_id"] == one.example.id]
        failed = {tuple(row["path"]) for row in mine if not row["correct"]}
        assert {program.path for program in one.invalid} == failed
        assert len(one.programs) + len(one.invalid) == len({tuple(r["path"]) for r in mine})
