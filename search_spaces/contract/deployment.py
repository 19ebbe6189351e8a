"""Checks of what a token mixer states of its cost, and of its deployed forms: ONNX Runtime, folded networks."""

import math
import tempfile
from itertools import product
from pathlib import Path

import torch
from torch import nn

from nas.architecture import Architecture, Blueprint, ModelInput, Stage
from nas.latency.mixer_benchmark import stated_bound
from search_spaces.contract.subject import WIDTH, Subject, require
from search_spaces.cost import count
from search_spaces.exports.onnx_file import convert, run
from search_spaces.exports.weights import difference
from search_spaces.folding import folded, largest_difference
from search_spaces.model import build

ONNX_GRIDS = ((3, 5), (7, 7))
ONNX_TOLERANCE, FOLDING_TOLERANCE = 1e-4, 1e-5
# The exponents in tokens that each stated cost stands for, between LARGE_SIDES, where the leading term leads.
EXPONENTS = {"O(n)": (0.99, 1.01), "O(n log n)": (1.02, 1.2), "O(n^2)": (1.9, 2.01)}
LARGE_SIDES = (64, 256)


def states_its_properties(subject: Subject) -> None:
    """The class states its cost, the resource that bounds it, and truly whether weights depend on the grid."""
    cost = subject.stated("cost")
    require(cost in ("0", *EXPONENTS), f"cost {cost!r} is not one of 0, {', '.join(EXPONENTS)}")
    require(bool(stated_bound(subject.mixer_class)), "bound_by is empty")
    shapes = [[weight.shape for weight in subject.make(grid).parameters()] for grid in ((4, 4), (6, 6))]
    depend = shapes[0] != shapes[1]
    tied = subject.stated("tied")
    require(tied == depend, f"tied is {tied}, but shapes of weights {'' if depend else 'do not '}depend on the grid")


def grows_as_stated(subject: Subject) -> None:
    """Multiply-accumulates grow with the tokens as `cost` says."""
    stated, macs = str(subject.stated("cost")), []
    for side in LARGE_SIDES:
        with torch.device("meta"):
            macs.append(count(subject.make((side, side)), torch.empty(1, side, side, WIDTH)).macs)
    if 0 in macs:
        # Pooling adds and does not multiply.
        require(stated in ("0", "O(n)"), f"cost is {stated}, but nothing is multiplied")
        return
    exponent = math.log(macs[1] / macs[0], (LARGE_SIDES[1] / LARGE_SIDES[0]) ** 2)
    minimum, maximum = EXPONENTS.get(stated, (0.0, 0.0))
    require(minimum <= exponent <= maximum, f"cost is {stated}, but multiply-accumulates grow as n^{exponent:.2f}")


def runs_in_onnx_runtime(subject: Subject) -> None:
    """ONNX Runtime agrees with torch, for batches of any size."""
    for grid in ONNX_GRIDS:
        mixer = subject.make(grid).eval()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mixer.onnx"
            convert(mixer, torch.randn(2, *grid, WIDTH), file, {})
            for batch in (1, 3):
                x_BHWC = torch.randn(batch, *grid, WIDTH)
                worst = difference(mixer(x_BHWC), run(file, x_BHWC))
                require(worst < ONNX_TOLERANCE, f"ONNX Runtime differs by {worst:.1e} on a grid of {grid}")


def folds_in_every_block(subject: Subject) -> None:
    """Networks in each block form, with batch and layer norms, fold into the same function without batch norms.

    Norms have random statistics; the network that is folded stays as it is.
    """
    options = tuple(sorted(subject.options.items()))
    stages = tuple(Stage(subject.name, 2, width, ratio, options=options) for width, ratio in ((32, 2), (64, 0)))
    for block, norm in product(("plain", "residual", "prenorm"), ("batch", "layer")):
        network = build(Architecture(stages, "plain", Blueprint(norm=norm, block=block)), ModelInput(3, 16, 16, 10))
        with_random_statistics(network)
        before = [value.clone() for value in network.state_dict().values()]
        case = f"a {block} block with {norm} norms"
        worst = largest_difference(network, torch.randn(4, 3, 16, 16))
        require(worst < FOLDING_TOLERANCE, f"{case} differs by {worst:.1e} when folded")
        require(all(map(torch.equal, before, network.state_dict().values())), f"folding {case} changes the original")
        remain = any(isinstance(module, nn.BatchNorm2d) for module in folded(network).modules())
        require(not remain, f"{case} has batch norms when folded")


def with_random_statistics(network: nn.Module) -> None:
    """Draw the weights and running statistics of all batch norms."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for statistic in (module.weight, module.bias, module.running_mean):
                torch.nn.init.normal_(statistic, 0.5, 0.3)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
