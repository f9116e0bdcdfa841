"""Numbered actions and their masks, against every way to decide the segments of small models."""

from itertools import product

import pytest

from polar_search.errors import ProgramError
from polar_search.program import Draft, Program, ProgramSpace, Segment

SPACES = [
    ProgramSpace(4),
    ProgramSpace(1),
    ProgramSpace(5, max_segment=2),
    ProgramSpace(6, max_segment=3, max_edits=1),
    ProgramSpace(5, max_segment=2, max_edits=2, max_depth=4),
    ProgramSpace(5, max_segment=3, max_repeats=3, max_depth=7),
    ProgramSpace(6, max_segment=4, max_repeats=1),
    ProgramSpace(6, max_segment=2, max_edits=0),
    ProgramSpace(6, max_segment=2, max_edits=1, max_depth=4),
    ProgramSpace(6, segmentation=2),
    ProgramSpace(7, segmentation=(1, 4, 2), max_edits=1),
    ProgramSpace(9, segmentation=(2, 3, 1, 3), max_depth=5, max_edits=3),
    ProgramSpace(6, segmentation=(1, 2, 3), max_repeats=4, max_depth=9),
]


def ends(actions, draft, segments, choose):
    """Every way to decide the rest by the actions that `choose` gives."""
    if actions.is_end(draft):
        yield tuple(segments)
        return
    for action in choose(draft):
        layers, (executions, _) = actions.layers(draft, action), actions.segment(action)
        segment = Segment(layers.start, len(layers), executions)
        yield from ends(actions, actions.after(draft, action), [*segments, segment], choose)


def fitting(actions):
    """All actions that end within the model, allowed or not."""
    units = len(actions.writer.lengths)
    return lambda draft: [
        a for a in range(len(actions)) if actions.segment(a)[1] <= units - draft.units
    ]


def allowed(actions):
    return lambda draft: [a for a, yes in enumerate(actions.allowed(draft)) if yes]


def program_of(space, segments):
    path = tuple(layer for segment in segments for layer in segment.path)
    return Program.from_path(path, space.num_layers, space.max_segment) if path else None


@pytest.mark.parametrize("space", SPACES, ids=lambda space: str(space.to_dict()))
def test_the_masks_allow_exactly_what_ends_in_the_space(space):
    actions = space.actions
    every = set(ends(actions, Draft(), [], fitting(actions)))
    programs = {segments: program_of(space, segments) for segments in every}
    good = {segments for segments, program in programs.items() if program and program in space}
    assert set(ends(actions, Draft(), [], allowed(actions))) == good
    assert {programs[segments] for segments in good} == set(space)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: str(space.to_dict()))
def test_allowed_actions_never_lead_into_a_dead_end(space):
    actions = space.actions
    drafts = {Draft()}
    while drafts:
        draft = drafts.pop()
        choices = allowed(actions)(draft)
        assert bool(choices) != actions.is_end(draft)
        drafts |= {actions.after(draft, action) for action in choices}


def test_a_draft_counts_depth_and_edits_as_the_space_does():
    space = ProgramSpace(7, max_segment=2, max_repeats=3)
    actions = space.actions
    for choices in product(range(len(actions)), repeat=4):
        draft, segments = Draft(), []
        for action in choices:
            if action not in fitting(actions)(draft):
                break
            layers, (executions, _) = actions.layers(draft, action), actions.segment(action)
            segments.append(Segment(layers.start, len(layers), executions))
            draft = actions.after(draft, action)
        program = program_of(space, segments) if actions.is_end(draft) else None
        if program is not None:
            assert (draft.depth, draft.edits) == (program.depth, program.edits)


def test_numbers_of_actions():
    free, fixed = ProgramSpace(12).actions, ProgramSpace(12, segmentation=3).actions
    assert (len(free), len(fixed)) == (12, 3)
    assert [free.segment(action) for action in (0, 3, 4, 11)] == [(0, 1), (0, 4), (1, 1), (2, 4)]
    assert [fixed.segment(action) for action in range(3)] == [(0, 1), (1, 1), (2, 1)]
    assert len(ProgramSpace(12, max_repeats=4).actions) == 20
    assert len(ProgramSpace(2).actions) == 6  # no segment is longer than the model


def test_no_segment_passes_the_last_layer_and_not_everything_is_skipped():
    actions = ProgramSpace(3, max_segment=2).actions
    assert actions.allowed(Draft()) == (True,) * 6
    skipped_two = actions.after(Draft(), 1)
    assert actions.allowed(skipped_two) == (False, False, True, False, True, False)


def test_masks_of_a_deep_model_are_quick():
    space = ProgramSpace(80, max_edits=40, max_depth=90)
    draft = Draft()
    while not space.actions.is_end(draft):
        draft = space.actions.after(draft, space.actions.allowed(draft).index(True))
    assert draft.depth >= 1
    assert draft.edits <= 40


@pytest.mark.parametrize("action", [-1, 12])
def test_an_action_that_is_none(action):
    with pytest.raises(ProgramError, match=f"expected an action of 0 to 11, received {action}"):
        ProgramSpace(12).actions.segment(action)
