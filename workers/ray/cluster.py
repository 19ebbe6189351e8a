"""The Ray that trials run on: a search's own, or a cluster that it joins, whose nodes come and go."""

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

# How often it is looked at which nodes there are.
LOOK_S = 2.0
CHECK_S = 120.0
JOIN_S = 120.0
PACKAGES = ("hybrid-nas", "torch")
# Below what a search listens to.
_LOG = logging.getLogger("nas.cluster")


def look_at_node(evaluator: Evaluator) -> tuple[dict[str, str], str | None]:
    """On a node: the versions of what evaluates there, and what keeps it from evaluating."""
    problem = None
    try:
        evaluator.check_node()
    except NasError as error:
        problem = str(error)
    return {package: version(package) for package in PACKAGES}, problem


@dataclass
class Cluster:
    """Where a trial finds what it `needs` (amounts by Ray's names of resources), and whether nodes are fit for it."""

    needs: Mapping[str, float]
    evaluator: Evaluator
    _checked: set[str] = field(default_factory=set)
    _looked_at: float = 0.0
    _slots: dict[str, int] = field(default_factory=dict)
    _cores: float = 0.0
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Mapping[str, int]:
        """The slots when they were last looked at. From any thread."""
        return self._slots

    def named(self, by_id: Mapping[str, int]) -> Mapping[str, int]:
        """The same by the nodes' names, as far as they are known. From any thread."""
        found: Counter[str] = Counter()
        for node_id, name in self._names.items():
            found[name] += by_id.get(node_id, 0)
        return +found

    def slots(self) -> Mapping[str, int]:
        """How many trials each living node has room for, by its name.

        Raises ParameterError, which names the node, when one has not this package, another version of it, or another
        processor than the study's latencies are of.
        """
        if time.monotonic() - self._looked_at >= LOOK_S:
            nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
            room = {node_id: self._room(node["Resources"]) for node_id, node in nodes.items()}
            found: Counter[str] = Counter()
            for node_id, count in sorted(room.items()):
                if count and node_id not in self._checked:
                    self._check(node_id, _name(nodes[node_id]))
                found[_name(nodes[node_id])] += count
            self._slots = {name: count for name, count in found.items() if count}
            self._names = {node_id: _name(node) for node_id, node in nodes.items()}
            self._cores = sum(node["Resources"].get("CPU", 0.0) for node in nodes.values())
            self._looked_at = time.monotonic()
        return self._slots

    def check(self, leaving: threading.Event) -> None:
        """Raises ParameterError when no trial finds what it needs on any node, or a node is not fit.

        A cluster that has no cores at all yet is still being put together: its nodes are waited for, until `leaving`.
        """
        end = time.monotonic() + JOIN_S
        is_told = False
        while not (self.slots() or self._cores or leaving.is_set()) and time.monotonic() < end:
            if not is_told:
                _LOG.warning("no node of the Ray cluster has cores yet: they are waited for, up to %.0f s", JOIN_S)
                is_told = True
            leaving.wait(LOOK_S)
        if not self.slots():
            wanted = ", ".join(f"{name} {amount:g}" for name, amount in self.needs.items())
            offered = "; ".join(
                f"{_name(node)}: " + ", ".join(f"{name} {amount:g}" for name, amount in _shown(node["Resources"]))
                for node in ray.nodes()
                if node["Alive"]
            )
            raise ParameterError(f"no node of the Ray cluster has room for a trial ({wanted}); there are {offered}")

    def _room(self, offered: Mapping[str, float]) -> int:
        return int(min(offered.get(name, 0.0) / amount + 1e-9 for name, amount in self.needs.items() if amount))

    def _check(self, node_id: str, name: str) -> None:
        where = NodeAffinitySchedulingStrategy(node_id, soft=False)
        looking = ray.remote(look_at_node).options(num_cpus=0, scheduling_strategy=where, max_retries=0)
        try:
            versions, problem = ray.get(looking.remote(self.evaluator), timeout=CHECK_S)
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
    """Ray names a node by its address unless it was given a name."""
    return str(node.get("NodeName") or node["NodeManagerAddress"])


def _shown(resources: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(name, amount) for name, amount in sorted(resources.items()) if not name.startswith(("node:", "object_"))]
