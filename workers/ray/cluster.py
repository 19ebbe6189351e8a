"""The Ray cluster that trials run on: a search's own, or one that it joins, whose nodes come and go."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nas.errors import NasError, ParameterError
from nas.evaluation import Evaluator
from workers.ray.environment import reason

# The interval at which the list of nodes is refreshed.
REFRESH_S = 2.0
CHECK_S = 120.0
JOIN_S = 120.0
PACKAGES = ("hybrid-nas", "torch")
# A child of the logger that a search shows.
_LOG = logging.getLogger("nas.cluster")


def inspect_node(evaluator: Evaluator) -> tuple[dict[str, str], str | None]:
    """The versions of the packages on this node, and the reason why it cannot evaluate, if there is one."""
    problem = None
    try:
        evaluator.check_node()
    except NasError as error:
        problem = str(error)
    return {package: version(package) for package in PACKAGES}, problem


@dataclass
class Cluster:
    """The nodes that offer what a trial `needs` (amounts by Ray's names of resources) and can run the evaluator."""

    needs: Mapping[str, float]
    evaluator: Evaluator
    _checked: set[str] = field(default_factory=set)
    _refreshed_at: float = 0.0
    _slots: dict[str, int] = field(default_factory=dict)
    _cores: float = 0.0
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Mapping[str, int]:
        """The slots at the last refresh. May be read from any thread."""
        return self._slots

    def named(self, by_id: Mapping[str, int]) -> Mapping[str, int]:
        """Convert counts by node id to counts by the names of known nodes. May be called from any thread."""
        counts: Counter[str] = Counter()
        for node_id, name in self._names.items():
            counts[name] += by_id.get(node_id, 0)
        return +counts

    def slots(self) -> Mapping[str, int]:
        """The number of trials that each living node has room for, by its name.

        Raises ParameterError, which names the node, when a node lacks this package, has another version of it, or has
        another processor than the one that the study's latencies were measured on.
        """
        if time.monotonic() - self._refreshed_at >= REFRESH_S:
            nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
            slots_by_id = {node_id: self._slots_of(node["Resources"]) for node_id, node in nodes.items()}
            slots: Counter[str] = Counter()
            for node_id, count in sorted(slots_by_id.items()):
                if count and node_id not in self._checked:
                    self._check(node_id, _name(nodes[node_id]))
                slots[_name(nodes[node_id])] += count
            self._slots = {name: count for name, count in slots.items() if count}
            self._names = {node_id: _name(node) for node_id, node in nodes.items()}
            self._cores = sum(node["Resources"].get("CPU", 0.0) for node in nodes.values())
            self._refreshed_at = time.monotonic()
        return self._slots

    def check(self, leaving: threading.Event) -> None:
        """Raise ParameterError when no node offers what a trial needs, or a node cannot run trials.

        A cluster that has no cores at all yet is still being started: its nodes are waited for, until `leaving`.
        """
        end = time.monotonic() + JOIN_S
        is_warned = False
        while not (self.slots() or self._cores or leaving.is_set()) and time.monotonic() < end:
            if not is_warned:
                _LOG.warning("no node of the Ray cluster has cores yet: waiting for them, up to %.0f s", JOIN_S)
                is_warned = True
            leaving.wait(REFRESH_S)
        if not self.slots():
            wanted = ", ".join(f"{name} {amount:g}" for name, amount in self.needs.items())
            offered = "; ".join(
                f"{_name(node)}: " + ", ".join(f"{name} {amount:g}" for name, amount in _shown(node["Resources"]))
                for node in ray.nodes()
                if node["Alive"]
            )
            raise ParameterError(f"no node of the Ray cluster has room for a trial ({wanted}); there are {offered}")

    def _slots_of(self, offered: Mapping[str, float]) -> int:
        return int(min(offered.get(name, 0.0) / amount + 1e-9 for name, amount in self.needs.items() if amount))

    def _check(self, node_id: str, name: str) -> None:
        node = NodeAffinitySchedulingStrategy(node_id, soft=False)
        inspection = ray.remote(inspect_node).options(num_cpus=0, scheduling_strategy=node, max_retries=0)
        try:
            versions, problem = ray.get(inspection.remote(self.evaluator), timeout=CHECK_S)
        except RayTaskError as error:
            raise ParameterError(f"Ray node {name!r} cannot run trials: {reason(error.cause or error, -1)}") from error
        except RayError as error:
            if not any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes()):
                return
            raise ParameterError(f"Ray node {name!r} cannot run trials: {reason(error)}") from error
        for package, there in versions.items():
            if there != version(package):
                raise ParameterError(
                    f"Ray node {name!r} has {package} {there}, this machine {version(package)}: install the same"
                )
        if problem is not None:
            raise ParameterError(f"Ray node {name!r} cannot run trials: {problem}")
        self._checked.add(node_id)


def _name(node: Mapping[str, Any]) -> str:
    """The node's name in Ray, by default its address."""
    return str(node.get("NodeName") or node["NodeManagerAddress"])


def _shown(resources: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(name, amount) for name, amount in sorted(resources.items()) if not name.startswith(("node:", "object_"))]
