"""A supernet: one network whose shared weights serve every member of a space.

In each stage every token mixer has blocks of its own, as many and as wide as the space allows. A member takes the first
of them, and the first channels of each weight (weight entanglement: Chen et al., AutoFormer, ICCV 2021). It runs as its
own network on these weights, so that the supernet needs to know nothing about the inside of a mixer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import gt
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage, mixer_label
from nas.errors import ParameterError
from nas.space import SearchSpace, StageChoices
from search_spaces.model import build, build_head, build_stage, build_stem

# Members' parts, without weights, that are cached.
MAX_CACHED_PARTS = 4096
MIXER_PREFIX = "token_mixer."


class Supernet(nn.Module):
    """The supernet of `space` at `model_input`, initialised from torch's global generator.

    Raises ParameterError or UnknownNameError as model.build does.
    """

    def __init__(self, space: SearchSpace, model_input: ModelInput) -> None:
        super().__init__()
        self.model_input = model_input
        self.weights = nn.ParameterDict()
        for architecture in _widest_networks(space):
            widest = use_batch_statistics(build(architecture, model_input))
            for name, weight in widest.state_dict(keep_vars=True).items():
                shared = _shared_name(name, architecture)
                if shared not in self.weights:
                    self.weights[shared] = nn.Parameter(weight.detach().clone(), weight.requires_grad)
        self._part = lru_cache(MAX_CACHED_PARTS)(self._build_part)

    def forward(self, x: Tensor, architecture: Architecture, begin: int = 0, end: int | None = None) -> Tensor:
        """Compute the member's logits_BK of images x_BCHW with the shared weights.

        The parts are the stem, the stages and the head. With `begin` and `end` only that slice runs: x is then the
        input of its first part, the result the output of its last.
        """
        for name, network in self._parts(architecture)[begin:end]:
            x = functional_call(network.train(self.training), self._weights_of(name, network, architecture), (x,))
        return x

    def inherited(self, architecture: Architecture) -> dict[str, Tensor]:
        """Return the member's weights, by their names in its own network: views of the shared ones where possible.

        Running statistics, which are not shared, are those of a fresh network. Raises ParameterError when a weight of a
        narrow network is not part of a wide network's weight.
        """
        shared = {
            f"{name}.{own}": weight
            for name, network in self._parts(architecture)
            for own, weight in self._weights_of(name, network, architecture).items()
        }
        fresh = build(architecture, self.model_input).state_dict()
        return {name: shared.get(name, weight) for name, weight in fresh.items()}

    def _weights_of(self, part: str, network: nn.Module, architecture: Architecture) -> dict[str, Tensor]:
        weights = {}
        for own, weight in network.state_dict().items():
            name = f"{part}.{own}"
            whole = self.weights[_shared_name(name, architecture)]
            if weight.dim() != whole.dim() or any(map(gt, weight.shape, whole.shape)):
                raise ParameterError(f"{name} of {architecture.layout} is not part of the widest network's weight")
            weights[own] = _leading_channels(whole, weight.shape, _stack_size(name, architecture))
        return weights

    def _parts(self, architecture: Architecture) -> list[tuple[str, nn.Module]]:
        """List the member's parts without weights, by name. They are cached: many members share a part."""
        isolated = [_isolated_stage(architecture, index) for index in range(len(architecture.stages))]
        stages = [(f"stages.{index}", self._part(build_stage, stage, index)) for index, stage in enumerate(isolated)]
        return [("stem", self._part(build_stem, isolated[0])), *stages, ("head", self._part(build_head, isolated[-1]))]

    def _build_part(self, build: Callable[..., nn.Module], *arguments: Any) -> nn.Module:
        with torch.device("meta"):
            return use_batch_statistics(build(*arguments, self.model_input))


def use_batch_statistics(network: nn.Module) -> nn.Module:
    """Make the network's batch norms use the batch's statistics also in evaluation.

    Running statistics would be a mean over all members that the weights were trained in.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return network


def _isolated_stage(architecture: Architecture, index: int) -> Architecture:
    """Reduce the other stages to what stage `index` depends on: their number, and the width of the one before it."""
    neighbour = Stage("identity", 1, architecture.stages[max(0, index - 1)].width)
    return replace(
        architecture,
        stages=tuple(stage if position == index else neighbour for position, stage in enumerate(architecture.stages)),
    )


def _leading_channels(whole: Tensor, shape: torch.Size, stacked: int) -> Tensor:
    """Return the first channels of `whole` as a weight of `shape`: of each of its `stacked` weights."""
    if stacked == 1:
        return whole[tuple(map(slice, shape))]
    sizes = (stacked, shape[0] // stacked, *shape[1:])
    return whole.view(stacked, -1, *whole.shape[1:])[tuple(map(slice, sizes))].flatten(0, 1)


def _widest_networks(space: SearchSpace) -> Iterator[Architecture]:
    """Yield networks, members or not, that together have every mixer and norm of each stage at its largest size."""
    variants = [
        list(dict.fromkeys(_widest_stage(stage, member) for member in stage.members() if member.depth))
        or list(dict.fromkeys(_widest_stage(stage, member) for member in stage.members()))
        for stage in space.stages
    ]
    blueprints = list(space.blueprint.members())
    for turn in range(max(len(blueprints), *map(len, variants))):
        stages = tuple(choices[turn % len(choices)] for choices in variants)
        yield Architecture(stages, space.recipe, blueprints[turn % len(blueprints)])


def _widest_stage(stage: StageChoices, member: Stage) -> Stage:
    return replace(
        member,
        depth=max(stage.depths),
        width=max(stage.widths),
        mlp_ratio=max(stage.mlp_ratios),
        position=max(stage.positions),
    )


def _shared_name(name: str, architecture: Architecture) -> str:
    """Return the name of the shared weight for the weight `name` of a member.

    Each mixer has weights of its own in its blocks. All mixers share the rest; each kind of stem and of downsampling
    has weights of its own. A ParameterDict takes no dots.
    """
    parts = name.split(".")
    blueprint = architecture.blueprint
    if parts[0] == "stem" and blueprint.stem is not None:
        parts.insert(1, blueprint.stem.label)
    if parts[0] == "stages" and parts[2] == "downsample" and blueprint.downsample is not None:
        parts.insert(3, blueprint.downsample)
    if parts[0] == "stages" and parts[2] == "blocks":
        stage = architecture.stages[int(parts[1])]
        parts.insert(2, mixer_label(stage.mixer, stage.options))
    return "/".join(parts).replace(".", ",")


def _stack_size(name: str, architecture: Architecture) -> int:
    """Return the number of weights that are stacked in this one; a member takes the first channels of each."""
    start, is_mixer, own = name.partition(MIXER_PREFIX)
    if not is_mixer:
        return 1
    stage = architecture.stages[int(start.split(".")[1])]
    stacked: Mapping[str, int] = getattr(plugins.load(plugins.MIXERS, stage.mixer), "stacked", {})
    return stacked.get(own, 1)


def supernet(space: SearchSpace, model_input: ModelInput) -> nn.Module:
    """Make the supernet of a space (nas.builder.Builder)."""
    return Supernet(space, model_input)
