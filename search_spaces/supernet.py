"""One network that holds the weights of every member of a space: weights entangled, mixers beside each other.

In each stage every token mixer has blocks of its own, as many and as wide as the space has them. A member takes the
first of them, and of each weight the first channels (weight entanglement: Chen et al., AutoFormer, ICCV 2021). It runs
as the very network that it is by itself, on these weights: what a mixer is made of is known to the mixer alone.
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

# A stage by itself, without weights, is remembered for so many.
MAX_CACHED_PARTS = 4096
MIXER_PREFIX = "token_mixer."


class Supernet(nn.Module):
    """For every member of `space` at `model_input`. Initialised from torch's global generator.

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
        """The member's logits_BK of images x_BCHW, on the shared weights.

        Its parts are the stem, the stages and the head: with `begin` and `end` only some run, x what is between them.
        """
        for name, network in self._parts(architecture)[begin:end]:
            x = functional_call(network.train(self.training), self._weights_of(name, network, architecture), (x,))
        return x

    def inherited(self, architecture: Architecture) -> dict[str, Tensor]:
        """The member's weights, by their names in its own network: views of the shared ones where a view will do.

        Running statistics, which are not shared, are those of a fresh network. Raises ParameterError when a weight of a
        narrow network is no part of a wide one's.
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
                raise ParameterError(f"{name} of {architecture.word} is no part of what the widest network has")
            weights[own] = _leading_channels(whole, weight.shape, _stack_size(name, architecture))
        return weights

    def _parts(self, architecture: Architecture) -> list[tuple[str, nn.Module]]:
        """Without weights, by their names in the whole: many networks have some of them alike."""
        alone = [_isolated_stage(architecture, index) for index in range(len(architecture.stages))]
        stages = [(f"stages.{index}", self._part(build_stage, each, index)) for index, each in enumerate(alone)]
        return [("stem", self._part(build_stem, alone[0])), *stages, ("head", self._part(build_head, alone[-1]))]

    def _build_part(self, build: Callable[..., nn.Module], *of: Any) -> nn.Module:
        with torch.device("meta"):
            return use_batch_statistics(build(*of, self.model_input))


def use_batch_statistics(network: nn.Module) -> nn.Module:
    """The network whose batch norms go by the batch's own statistics, in evaluation too: running ones would be a mean
    over all members that the weights were trained in.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return network


def _isolated_stage(architecture: Architecture, index: int) -> Architecture:
    """The stage, with as much of the others as it depends on: how many there are, and how wide the one before it is."""
    before = Stage("identity", 1, architecture.stages[max(0, index - 1)].width)
    return replace(
        architecture,
        stages=tuple(stage if place == index else before for place, stage in enumerate(architecture.stages)),
    )


def _leading_channels(whole: Tensor, shape: torch.Size, stacked: int) -> Tensor:
    """What a smaller weight of that shape has of the whole; where some are `stacked`, of each of them."""
    if stacked == 1:
        return whole[tuple(map(slice, shape))]
    sizes = (stacked, shape[0] // stacked, *shape[1:])
    return whole.view(stacked, -1, *whole.shape[1:])[tuple(map(slice, sizes))].flatten(0, 1)


def _widest_networks(space: SearchSpace) -> Iterator[Architecture]:
    """Networks, members or not, that have among them every mixer and norm of each stage at its greatest size."""
    variants = [
        list(dict.fromkeys(_widest_stage(stage, member) for member in stage.members() if member.depth))
        or list(dict.fromkeys(_widest_stage(stage, member) for member in stage.members()))
        for stage in space.stages
    ]
    blueprints = list(space.blueprint.members())
    for turn in range(max(len(blueprints), *map(len, variants))):
        stages = tuple(of[turn % len(of)] for of in variants)
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
    """Where the weight of that name is: in a mixer's own blocks, or for all mixers to share (stem, downsampling, head),
    each kind of stem and of downsampling by itself.

    A ParameterDict takes no dots.
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
    """How many weights are stacked in this one, of which the first channels are taken each by itself."""
    start, is_mixer, own = name.partition(MIXER_PREFIX)
    if not is_mixer:
        return 1
    stage = architecture.stages[int(start.split(".")[1])]
    stacked: Mapping[str, int] = getattr(plugins.load(plugins.MIXERS, stage.mixer), "stacked", {})
    return stacked.get(own, 1)


def supernet(space: SearchSpace, model_input: ModelInput) -> nn.Module:
    """As nas.builder.Builder has it."""
    return Supernet(space, model_input)
