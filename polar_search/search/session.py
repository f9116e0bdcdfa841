"""A search from its configuration: load, open the run folder, drive the agents, sum up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from polar_search.errors import AgentError, ConfigError, PolarSearchError, one_line
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.program import Program, ProgramSpace
from polar_search.registry import checked_options
from polar_search.search.agent import AGENTS, MakeAgent, Scope, agent_class, scope_of
from polar_search.search.config import SearchConfig
from polar_search.search.confirmation import confirm
from polar_search.search.driver import Driver, Progress
from polar_search.search.evaluation import Evaluator
from polar_search.search.places import Location
from polar_search.search.run import RunFolder
from polar_search.search.status import State, Status, StatusFile
from polar_search.search.store import Fingerprints, Store
from polar_search.tasks import Example, Task, chosen_examples, load_task

SHOWN = 20
"""Programs whose numbers break that a summary names, the most frequent ones."""


@dataclass(frozen=True)
class Session:
    """A configuration with everything it names loaded."""

    config: SearchConfig
    task: Task
    examples: Sequence[Example]
    make_agent: MakeAgent
    evaluator: Evaluator

    @classmethod
    def load(cls, config: SearchConfig) -> Session:
        """Resolve every name, the cheap ones first, and load the model.

        Raises:
            PolarSearchError: A name is unknown, or something cannot be loaded.
        """
        task = load_task(config.task, config.task_options)
        make_agent = agent_factory(config)
        examples = select(task, config)
        source = locate(config.model, task)
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        engine = ProgramEngine.from_pretrained(
            source, device=config.device, dtype=config.dtype, device_map=config.device_map
        )
        evaluator = Evaluator(engine, task, config.max_new_tokens, settle=config.settle)
        return cls(config, task, examples, make_agent, evaluator)

    @property
    def scope(self) -> Scope:
        """Whether there is an agent for each example, or one for all."""
        return scope_of(self.make_agent)

    @property
    def engine(self) -> ProgramEngine:
        """Executes the programs."""
        return self.evaluator.engine

    def total(self) -> int:
        """Programs that will be asked in all, identities included, if no agent stops early."""
        space = self.config.space(self.engine.num_layers)
        each = space.size()
        if Program.identity(space.num_layers) in space:
            each -= 1
        if self.config.budget is not None:
            each = min(each, self.config.budget)
        return (each + 1) * len(self.examples)

    def fingerprints(self) -> Fingerprints:
        """What the outcomes depend on."""
        decoding = self.engine.decoding_fingerprint(
            self.evaluator.max_new_tokens, stop=self.task.stop, settle=self.evaluator.settle
        )
        return Fingerprints(self.engine.fingerprint, self.task.fingerprint(), decoding)

    def fixed(self) -> dict[str, Any]:
        """What must stay the same when the run is continued."""
        fingerprints = {f"{k} fingerprint": v for k, v in asdict(self.fingerprints()).items()}
        return {**self.config.fixed(), **fingerprints, "num_layers": self.engine.num_layers}

    def agent_fingerprint(self) -> str:
        """Changes with anything that changes what the agents ask."""
        # A dataset agent tells each program on all examples, so others make it another search.
        return self.config.agent_fingerprint(self.examples if self.scope == "dataset" else None)

    def run(self, out: Location, on_progress: Callable[[Progress], None] | None = None) -> Progress:
        """Search into the run folder `out`, or go on with what is there.

        Raises:
            RunError: The folder is of another configuration, in use or not writable.
            AgentError: An agent cannot be made, or all failed, or one did and the configuration
                says to stop then. What was computed is stored.
            ConfigError: The agent refuses its options.
        """
        space = self.config.space(self.engine.num_layers)
        self.check_agent(space)
        folder = RunFolder(out)
        file, total = StatusFile(folder), self.total()

        def update(progress: Progress, state: State = "running") -> None:
            file.update(Status(state, progress, len(self.examples), total))
            if on_progress and state == "running":
                on_progress(progress)

        with folder.owned():
            folder.begin(self.fixed(), self.config.to_dict())
            store = Store(out, self.fingerprints(), self.agent_fingerprint())
            driver = Driver(
                self.evaluator,
                store,
                space,
                self.make_agent,
                self.config.run_budget(),
                self.config.seed,
                update,
                self.config.on_agent_error,
            )
            try:
                progress = driver.search(self.examples)
                summary = {**asdict(progress), **self._oddities()}
                if self.config.confirm:
                    layers = self.engine.num_layers
                    confirmation = confirm(self.evaluator, store, self.examples, layers)
                    summary["confirmation"] = asdict(confirmation)
            except KeyboardInterrupt:
                update(driver.progress, "interrupted")
                raise
            update(progress, "finished")
            folder.write("summary.json", summary)
        if progress.failures and not progress.examples:
            raise AgentError(progress.failures[0].message)
        return progress

    def _oddities(self) -> dict[str, Any]:
        """Rows that the reference decided, and those whose logits were no numbers, by program."""
        stats, layers = self.engine.stats, self.engine.num_layers
        broken = stats.broken.most_common(SHOWN)
        programs = {str(Program.from_path(path, layers)): rows for path, rows in broken}
        return {
            "near_ties": stats.near_ties,
            "broken": stats.broken.total(),
            "broken_programs": programs,
        }

    def check_agent(self, space: ProgramSpace) -> None:
        """Make an agent once before anything is begun: a mistake in the options is no failure.

        Raises:
            AgentError: It cannot be made.
            ConfigError: It refuses its options, or those do not go with its scope.
        """
        name = self.config.agent
        try:
            self.make_agent(space, self.config.seed)
        except PolarSearchError:
            raise
        except Exception as error:
            raise AgentError(
                f"expected agent '{name}' ({agent_class(self.make_agent).__name__}) to be made "
                f"with options {dict(self.config.agent_options)}, received {one_line(error)}; "
                "correct the options or the agent"
            ) from error
        budget = self.config.run_budget()
        if self.scope == "dataset" and (budget.stop_after_valid or budget.stop_after_shorter):
            raise ConfigError(
                f"expected no --stop-after-valid or --stop-after-shorter with agent '{name}' of "
                "dataset scope, which has no examples of its own to stop at; leave them out"
            )


def agent_factory(config: SearchConfig) -> MakeAgent:
    """The constructor of the configured agent, its options filled in.

    Raises:
        ConfigError: The agent has no such option, or one of another type.
    """
    agent = AGENTS.load(config.agent)
    options = checked_options(
        f"agent '{config.agent}'", agent, config.agent_options, given_by_caller=("space", "seed")
    )
    return partial(agent, **options)


def select(task: Task, config: SearchConfig) -> list[Example]:
    """The examples of the configured split and levels, at most `limit` of each level.

    Raises:
        TaskError: None are left, or two have one id.
    """
    return chosen_examples(task, config.split, config.level, config.limit)
