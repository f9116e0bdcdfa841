"""The workers of one search as a crew: made ready, replaced, and told about.

How they work, on leases or on parts of an evaluation, is not known here.
"""

from __future__ import annotations

import json
from typing import Any

import ray

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.connection import describe
from polar_search.cluster.fleet import Fleet, Lost, Member
from polar_search.cluster.versions import check_versions
from polar_search.cluster.worker import Loaded
from polar_search.errors import ClusterError
from polar_search.search.config import SearchConfig
from polar_search.search.run import RunFolder
from polar_search.search.status import WorkerStatus

TICK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
"""After this long without the resources, it is said what is waited for."""
DOING = {"describe": "waiting", "load": "loading", "open": "loading", None: "idle"}
"""What a worker does while it runs a method, in a word; all others search."""


class Crew:
    """Gets workers ready, gives what they bring, and replaces them.

    Args:
        fleet: The workers.
        config: The search.
        cluster: What each worker takes.
        folder: The run folder, owned.

    Attributes:
        loaded: What the first worker has told of the model; the run is begun with it.
        gone: Workers that were lost.
    """

    def __init__(
        self, fleet: Fleet, config: SearchConfig, cluster: ClusterConfig, folder: RunFolder
    ) -> None:
        self.fleet, self.config, self.folder = fleet, config, folder
        self._cluster = cluster
        self.loaded: Loaded | None = None
        self.gone: list[Member] = []

    def results(self) -> list[tuple[Member, Any]]:
        """What workers have brought of their work within a second; `Lost` where one died."""
        brought = []
        for member, method, result in self.fleet.results(TICK_SECONDS):
            if isinstance(result, Lost):
                self.fleet.replace(member, method, result)
                self.gone.append(member)
                brought.append((member, result))
            elif not self._starts(member, method, result):
                brought.append((member, result))
        return brought

    def _starts(self, member: Member, method: str, result: Any) -> bool:  # noqa: ANN401
        """Go on with a worker that is not ready yet; False for the methods that are work."""
        match method:
            case "describe":
                check_versions(result.host, result.versions)
                member.where = result
                self.fleet.call(member, "load")
            case "load":
                self.fleet.call(member, "open", self._begin(result))
            case "open":
                pass  # ready
            case _:
                return False
        return True

    def _begin(self, loaded: Loaded) -> dict[str, Any]:
        """Record the run when the first worker has told what its model is."""
        fixed: dict[str, Any] = json.loads(json.dumps(loaded.fixed))
        if self.loaded is None:
            self.loaded = loaded
            self.folder.begin(fixed, self.config.to_dict())
        elif loaded.fixed != self.loaded.fixed:
            differ = [name for name in fixed if loaded.fixed[name] != self.loaded.fixed.get(name)]
            raise ClusterError(
                f"expected workers that agree on {', '.join(differ)}, received two that do not; "
                "give all nodes the same model and task"
            )
        return fixed

    def idle(self) -> list[Member]:
        """Workers that are ready and have nothing to do."""
        return [member for member in self.fleet.members.values() if member.call is None]

    def all(self) -> list[Member]:
        """The workers there are, and those that were lost."""
        return [*self.gone, *self.fleet.members.values()]

    def near_ties(self) -> int:
        """Rows that the reference decided."""
        return sum(member.near_ties for member in self.all())

    def workers(self) -> list[WorkerStatus]:
        """What each worker does."""
        return [_status(member) for member in self.fleet.members.values()]

    def waiting_for(self) -> str | None:
        """What workers that are not there yet wait for, when that takes long."""
        missing = [m for m in self.fleet.members.values() if m.call == "describe"]
        if not missing or missing[0].age < PATIENCE_SECONDS:
            return None
        free = ray.available_resources()  # type: ignore[no-untyped-call]
        wanted = self._cluster.resources()
        return (
            f"{len(missing)} of {self._cluster.workers} workers wait for {describe(wanted)} each; "
            f"free in the cluster: {describe({name: free.get(name, 0.0) for name in wanted})}"
        )


def _status(member: Member) -> WorkerStatus:
    own, place = member.progress, member.where
    seconds = max(own.seconds, 1e-9)
    return WorkerStatus(
        name=member.name,
        place=f"{place.host}:{place.pid}" if place else "",
        doing=DOING.get(member.call, "searching"),
        examples=member.has,
        ended=own.examples,
        rate=own.executed / seconds,
        engine_share=own.engine_seconds / seconds,
    )
