"""What the engine may share, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Switches:
    """The engine's ideas; all on but in ablations.

    Attributes:
        prefill: Rows of one prompt share the beginnings of their paths while prompts are read.
        decoding: And while their generated tokens agree.
        layer_major: Rows of different programs share the calls of a layer. Without it each program
            runs by itself, and nothing is shared between programs.
        drafts: Drafts are read with the prompt where that pays.
        filing: The last layer of a path runs for the token that decides; of the tokens before it,
            only keys and values are computed.
    """

    prefill: bool = True
    decoding: bool = True
    layer_major: bool = True
    drafts: bool = True
    filing: bool = True


@dataclass
class Work:
    """Running counts, in layer-tokens (one token through one layer) where nothing else is said.

    Attributes:
        asked: What the rows cost one by one.
        prefill: Computed for prompts and drafts.
        filed: Computed for prompts as far as keys and values, by the last layers of paths.
        decoding: Computed for generated tokens.
        calls: Layer calls.
        rounds: Passes over the layers.
        restarted: Rows that lost their pages to others and began again.
        drafted: Draft tokens that were read with prompts, counted by row.
        agreed: Those that the rows chose.
    """

    asked: int = 0
    prefill: int = 0
    filed: int = 0
    decoding: int = 0
    calls: int = 0
    rounds: int = 0
    restarted: int = 0
    drafted: int = 0
    agreed: int = 0


@dataclass
class EngineStats:
    """Running counts of an engine.

    Attributes:
        rows: Rows generated.
        near_ties: Rows that the reference decided, since one of their choices was nearly a tie.
        broken: Rows whose logits were no numbers, by layer path.
        work: Layer-tokens asked and computed.
    """

    rows: int = 0
    near_ties: int = 0
    broken: Counter[tuple[int, ...]] = field(default_factory=Counter)
    work: Work = field(default_factory=Work)
