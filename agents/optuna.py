"""Any sampler of Optuna, over programs encoded as categorical choices.

Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework" (2019); its default
is the tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter
Optimization", 2011).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from polar_search.errors import ConfigError, UnknownNameError, one_line
from polar_search.program import Encoding, Program, ProgramSpace
from polar_search.search.agent import Context, Proposal, Scope
from polar_search.search.outcome import Outcome

from .walking import WalkingAgent

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.trial import TrialState


@dataclass(eq=False)
class Tried:
    """A program that was asked: its trials, and how often it was correct so far.

    Attributes:
        program: The program.
        waiting: The trials that wait for its value.
        correct: Examples that it answers.
        total: Examples that it was tried on.
    """

    program: Program
    waiting: list[Trial] = field(default_factory=list)
    correct: int = 0
    total: int = 0


class OptunaAgent(WalkingAgent):
    """Any Optuna sampler by name, over programs as categorical choices.

    It maximises the share of examples answered, times one minus a price for depth; for both scopes.
    A choice of values that stands for a program asked before is told that program's value, and the
    sampler is asked again; when it has nothing new a random program joins in.

    Args:
        space: The programs that may be asked.
        seed: Of everything random.
        scope: One agent for each example, or one for all.
        sampler: A class of `optuna.samplers`.
        sampler_options: Arguments of it.
        pareto: Whether to maximise the share of examples answered and minimise depth apart, as is
            meant for NSGAIISampler.
        depth_price: What executing as many layers as the model has costs, as a share of the value.
        relaxed: Whether the sampler sees every choice as a number between 0 and 1, cut into equal
            parts; by default only CmaEsSampler does, which cannot handle categories.
        pruner: A class of `optuna.pruners`, which withdraws programs that do badly on the first
            chunks of examples (dataset scope, not with `pareto`).
        retries: Values in a row without a new program before a random one joins in.
        storage: URL of a database that the studies are written to, to be looked at; an example's
            study is named after it, and begun anew when a run is continued.

    Raises:
        ConfigError: The options cannot work together, or the sampler refuses its own.
        UnknownNameError: Optuna has no such sampler or pruner.
    """

    def __init__(
        self,
        space: ProgramSpace,
        seed: int,
        scope: Scope = "example",
        sampler: str = "TPESampler",
        sampler_options: Mapping[str, Any] | None = None,
        pareto: bool = False,
        depth_price: float = 0.1,
        relaxed: bool | None = None,
        pruner: str = "NopPruner",
        retries: int = 10,
        storage: str | None = None,
    ) -> None:
        super().__init__(space, seed)
        if pruner != "NopPruner" and (scope == "example" or pareto):
            raise ConfigError(
                f"expected a pruner only with scope=dataset and one objective, received {pruner} "
                f"with scope={scope} and pareto={pareto}; leave it out"
            )
        self.scope = scope
        self._pareto, self._price, self._retries = pareto, depth_price, retries
        self._storage = storage
        seeded = {"seed": seed % 2**32} | dict(sampler_options or {})
        self._sampler = make("sampler", sampler, seeded)
        self._pruner = make("pruner", pruner, {})
        self._relaxed = sampler == "CmaEsSampler" if relaxed is None else relaxed
        self._encoding = Encoding(space)
        self._distributions = distributions(self._encoding, relaxed=self._relaxed)
        self._examples = 1
        self._deepest = float(space.num_layers * space.max_repeats)
        self._tried: dict[Program, Tried] = {}
        self._batch: list[Tried] = []

    def prepare(self, context: Context) -> None:
        """Begins a study."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._examples = context.examples
        name = f"polar-search {context.example_id}"
        if self._storage and name in optuna.get_all_study_names(self._storage):
            optuna.delete_study(study_name=name, storage=self._storage)
        self._study: Study = optuna.create_study(
            study_name=name,
            storage=self._storage,
            sampler=self._sampler,
            pruner=self._pruner,
            directions=["maximize", "minimize"] if self._pareto else ["maximize"],
        )
        # BruteForceSampler ends a study that is used up, which one that is asked and told refuses.
        self._study.stop = lambda: None  # type: ignore[method-assign]

    def ask(self, n: int) -> list[Proposal]:
        """Up to `n` new programs."""
        self._batch = []
        return super().ask(n)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Counts the outcomes, and gives the study the value of what all examples tried."""
        for outcome in outcomes:
            if not self._tried and outcome.program in self.space:  # the identity, told unasked
                self._adopt(outcome.program)
            if (tried := self._tried.get(outcome.program)) is not None:
                tried.correct += outcome.correct
                tried.total += 1
        for tried in self._batch:
            if tried.total == self._examples:
                self._tell(tried)

    def withdraw(self) -> list[Program]:
        """The programs that the pruner gives up, judged by the examples so far."""
        from optuna.trial import TrialState

        withdrawn = []
        for tried in () if self._pareto else self._batch:
            if tried.waiting:
                tried.waiting[0].report(self._values(tried)[0], step=tried.total)
                if tried.waiting[0].should_prune():
                    self._tell(tried, TrialState.PRUNED)
                    withdrawn.append(tried.program)
        return withdrawn

    def _step(self) -> Proposal | None:
        """What the sampler gives, or None when it keeps giving what is known."""
        for _ in range(self._retries + 1 if self._distributions else 0):
            trial = self._study.ask(self._distributions)
            program = self._encoding.decode(self._words(trial.params))
            if program is None:
                self._study.tell(trial, [0.0, self._deepest] if self._pareto else 0.0)
            elif (tried := self._tried.get(program)) is None:
                self._enter(program, trial)
                return Proposal(program)
            else:
                tried.waiting.append(trial)
                if tried not in self._batch:
                    self._tell(tried)
        return None

    def _draw(self) -> Proposal | None:
        proposal = super()._draw()
        if proposal is not None:
            self._adopt(proposal.program)
        return proposal

    def _adopt(self, program: Program) -> None:
        """Makes a trial of a program that the sampler did not give."""
        words = self._encoding.encode(program)
        params: dict[str, Any] = dict(words)
        if self._relaxed:
            params = {n: _middle(self._encoding.choices[n], word) for n, word in words.items()}
        self._study.enqueue_trial(params)
        self._enter(program, self._study.ask(self._distributions))

    def _enter(self, program: Program, trial: Trial) -> None:
        self._tried[program] = Tried(program, [trial])
        self._batch.append(self._tried[program])

    def _words(self, params: Mapping[str, Any]) -> dict[str, str]:
        """The values of a trial as choices of the encoding."""
        if not self._relaxed:
            return dict(params)
        choices = self._encoding.choices
        return {name: _nearest(choices[name], value) for name, value in params.items()}

    def _values(self, tried: Tried) -> list[float]:
        """What is maximised; with `pareto` that, and what is minimised."""
        share, depth = tried.correct / tried.total, tried.program.depth
        if self._pareto:
            return [share, float(depth)]
        return [share * (1 - self._price * depth / self.space.num_layers)]

    def _tell(self, tried: Tried, state: TrialState | None = None) -> None:
        """Gives the study the value of all trials that wait for it; pruned ones have none."""
        for trial in tried.waiting:
            self._study.tell(trial, None if state else self._values(tried), state)
        tried.waiting = []


def make(kind: Literal["sampler", "pruner"], name: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """A sampler or pruner of Optuna, by the name of its class.

    Raises:
        UnknownNameError: There is no such class.
        ConfigError: It does not take these options, or lacks a package.
    """
    import optuna

    module = optuna.samplers if kind == "sampler" else optuna.pruners
    names = [found for found in dir(module) if found.endswith(kind.title())]
    if name not in names:
        raise UnknownNameError(f"an Optuna {kind}", name, names)
    if name == "CmaEsSampler" and find_spec("cmaes") is None:
        raise ConfigError(
            "expected the package cmaes, which Optuna's CmaEsSampler needs, received none; "
            "`pip install cmaes`, or choose another sampler"
        )
    made = getattr(module, name)
    known = inspect.signature(made).parameters
    given = {n: v for n, v in options.items() if n in known or n != "seed"}
    try:
        with warnings.catch_warnings(action="ignore"):  # on experimental classes
            return made(**given)
    except Exception as error:
        raise ConfigError(
            f"expected options of Optuna's {name}, received {given}: {one_line(error)}; see "
            f"Optuna's documentation of {name}"
        ) from error


def distributions(encoding: Encoding, *, relaxed: bool = False) -> dict[str, BaseDistribution]:
    """The parameters of an encoding as Optuna has them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if relaxed:
        return {name: FloatDistribution(0, 1) for name in encoding.choices}
    return {name: CategoricalDistribution(words) for name, words in encoding.choices.items()}


def _middle(words: Sequence[str], word: str) -> float:
    """The number between 0 and 1 that stands for a word when choices are relaxed."""
    return (words.index(word) + 0.5) / len(words)


def _nearest(words: Sequence[str], value: float) -> str:
    """The word that a number between 0 and 1 stands for."""
    return words[min(int(value * len(words)), len(words) - 1)]
