"""The path distribution against brute-force enumeration of all structures."""

from collections import defaultdict
from itertools import pairwise, product

import pytest
import torch

from polar_search.errors import PredictorError
from polar_search.predictor.decoding import paper_beam, top_paths
from polar_search.predictor.distribution import PathDistribution
from polar_search.program import Program, ProgramSpace

SHAPES = [(1, 1, 2), (3, 2, 1), (3, 4, 2), (4, 2, 3), (5, 3, 2)]
"""Layers, longest segment, most executions."""


def logits(depth, repeats, seed=0, batch=2):
    generator = torch.Generator().manual_seed(seed)
    boundaries = torch.randn(batch, depth, generator=generator, dtype=torch.double) * 2
    operations = torch.randn(batch, depth, repeats + 1, generator=generator, dtype=torch.double) * 2
    return boundaries, operations


def structures(depth, longest):
    """All segmentations as lists of edges."""
    for inner in product((False, True), repeat=depth - 1):
        edges = [0, *(i + 1 for i, cut in enumerate(inner) if cut), depth]
        if all(b - a <= longest for a, b in pairwise(edges)):
            yield edges


def enumerated(boundaries, operations, longest):
    """The probability of every path, the empty one left out; structure by structure."""
    (depth,), repeats = boundaries.shape, operations.shape[-1]
    start, choose = torch.sigmoid(boundaries), operations.softmax(-1)
    mass = defaultdict(float)
    for edges in structures(depth, longest):
        cuts = 1.0
        for a, b in pairwise(edges):
            for layer in range(a + 1, b):
                cuts = cuts * (1 - start[layer])
            if b < depth and b - a < longest:
                cuts = cuts * start[b]
        for times in product(range(repeats), repeat=len(edges) - 1):
            chance, path = cuts, ()
            for a, b, executions in zip(edges, edges[1:], times, strict=False):
                chance = chance * choose[a, executions]
                path += tuple(range(a, b)) * executions
            mass[path] = mass[path] + chance
    mass.pop(())
    total = sum(mass.values())
    return {path: value / total for path, value in mass.items()}


@pytest.fixture(params=SHAPES, ids=str)
def case(request):
    depth, longest, repeats = request.param
    boundaries, operations = logits(depth, repeats)
    truth = [enumerated(b, o, longest) for b, o in zip(boundaries, operations, strict=True)]
    return PathDistribution(boundaries, operations, longest), truth, longest


def test_every_path_has_its_probability(case):
    distribution, truth, longest = case
    for row, paths in enumerate(truth):
        programs = [Program(path, distribution.num_layers, longest) for path in paths]
        found = distribution.log_prob(programs, [row] * len(programs)).exp()
        assert torch.allclose(found, torch.stack(list(paths.values())))
        assert found.sum() == pytest.approx(1)


def test_the_paths_are_those_of_the_program_space(case):
    distribution, truth, longest = case
    space = ProgramSpace(
        distribution.num_layers, max_segment=longest, max_repeats=distribution.max_repeats
    )
    assert {program.path for program in space} == set(truth[0])


def test_entropy_depth_and_divergence(case):
    distribution, truth, longest = case
    other = PathDistribution(
        *logits(distribution.num_layers, distribution.max_repeats, seed=1), longest
    )
    others = [
        enumerated(b, o, longest)
        for b, o in zip(*logits(distribution.num_layers, distribution.max_repeats, 1), strict=True)
    ]
    for row, paths in enumerate(truth):
        p = torch.stack(list(paths.values()))
        q = torch.stack([others[row][path] for path in paths])
        assert distribution.entropy()[row].item() == pytest.approx(-(p * p.log()).sum().item())
        divergence = (p * (p / q).log()).sum().item()
        assert distribution.kl(other)[row].item() == pytest.approx(divergence)
        depth = sum(chance.item() * len(path) for path, chance in paths.items())
        assert distribution.depth()[row].item() == pytest.approx(depth)
    assert distribution.kl(distribution).abs().max() < 1e-9


@pytest.mark.parametrize("k", [1, 3, 7, 1000])
def test_the_best_paths_are_the_likeliest(case, k):
    distribution, truth, _ = case
    for ranked, paths in zip(top_paths(distribution, k), truth, strict=True):
        best = sorted(paths.items(), key=lambda item: -item[1])[:k]
        assert [program.path for program, _ in ranked] == [path for path, _ in best]
        for (_, log_prob), (_, chance) in zip(ranked, best, strict=True):
            assert log_prob == pytest.approx(chance.log().item())


def test_the_best_paths_of_a_space():
    distribution = PathDistribution(*logits(5, 3), 3)
    space = ProgramSpace(5, max_segment=3, max_repeats=2, max_edits=1)
    everything = top_paths(distribution, 10_000)
    for all_ranked, ranked in zip(everything, top_paths(distribution, 6, space), strict=True):
        assert ranked == [r for r in all_ranked if r.program in space][:6]


def test_samples_follow_the_distribution():
    distribution = PathDistribution(*logits(3, 2), 2)
    truth = enumerated(*(part[0] for part in logits(3, 2)), 2)
    drawn = distribution.sample(20_000, torch.Generator().manual_seed(0))[0]
    for path, chance in truth.items():
        share = sum(program.path == path for program in drawn) / len(drawn)
        assert share == pytest.approx(chance.item(), abs=0.015)


def test_sampling_what_skips_everything_says_so():
    operations = torch.tensor([60.0, 0.0, 0.0]).expand(1, 2, 3)
    distribution = PathDistribution(torch.zeros(1, 2), operations, 4)
    with pytest.raises(PredictorError, match="skips all"):
        distribution.sample(1, torch.Generator().manual_seed(0))


def test_gradients_are_those_of_the_enumeration():
    boundaries, operations = (part.requires_grad_() for part in logits(4, 2, batch=1))
    truth = enumerated(boundaries[0], operations[0], 3)
    p = torch.stack(list(truth.values()))
    want = torch.autograd.grad(-(p * p.log()).sum(), (boundaries, operations), retain_graph=True)
    distribution = PathDistribution(boundaries, operations, 3)
    found = torch.autograd.grad(distribution.entropy().sum(), (boundaries, operations))
    assert all(torch.allclose(a, b) for a, b in zip(found, want, strict=True))
    want = torch.autograd.grad(truth[(0, 1, 2, 3)].log(), (boundaries, operations))
    identity = PathDistribution(boundaries, operations, 3).log_prob([Program.identity(4)], [0])
    found = torch.autograd.grad(identity.sum(), (boundaries, operations))
    assert all(torch.allclose(a, b) for a, b in zip(found, want, strict=True))


def test_the_identity_of_many_layers_sums_over_all_its_structures():
    """Without forced cuts and with operations that surely keep, every structure is the identity."""
    operations = torch.tensor([-80.0, 0.0, -80.0]).expand(1, 28, 3)
    distribution = PathDistribution(torch.randn(1, 28), operations, 4)
    [[(program, log_prob)]] = top_paths(distribution, 1)
    assert program == Program.identity(28)
    assert log_prob == pytest.approx(0, abs=1e-9)


def test_a_program_that_no_structure_writes_is_refused():
    distribution = PathDistribution(*logits(4, 2), 2)
    for text in ("R2x3 K2", "R3 K1", "K5"):
        with pytest.raises(PredictorError, match="expected programs of 4 layers"):
            distribution.log_prob([Program.parse(text)], [0])


def test_the_papers_decoding():
    """Boundaries before layers 2 and 6 (forced): K2, then R4, then K2 in a model of 8 layers."""
    boundaries = torch.full((1, 8), -3.0)
    boundaries[0, 2] = 3.0
    operations = torch.zeros(1, 8, 3)
    operations[0, 0] = torch.tensor([0.0, 2.0, 0.0])
    operations[0, 2] = torch.tensor([0.0, 1.0, 2.0])
    operations[0, 6] = torch.tensor([0.0, 2.0, 0.0])
    ranked = paper_beam(PathDistribution(boundaries, operations, 4), 3)[0]
    assert [str(program) for program, _ in ranked[:2]] == ["K2 R4 K2", "K8"]
    assert len({program for program, _ in ranked}) == 3
    scores = [log_prob for _, log_prob in ranked]
    assert scores == sorted(scores, reverse=True)


def test_the_papers_decoding_never_gives_the_empty_program():
    operations = torch.tensor([5.0, 0.0, 0.0]).expand(1, 4, 3)
    ranked = paper_beam(PathDistribution(torch.full((1, 4), -9.0), operations, 4), 5)[0]
    assert {str(program) for program, _ in ranked} == {"K4", "R4"}
