"""Batch norms' running statistics in short trainings: after few steps they are still those of the first weights."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# The share of a batch's statistics in the running ones is this over the number of steps, within limits. By the end of
# 24 steps digits are judged at .985 with it and at .97 with torch's .1, after two of four epochs at .94 and at .69.
STEPS_TO_FOLLOW = 20
# Torch's default, and the share at which the last batches alone would count.
MIN_SHARE, MAX_SHARE = 0.1, 0.5


class RunningStatistics:
    """Those of a network's batch norms, as far as they follow by torch's default."""

    def __init__(self, model: nn.Module) -> None:
        norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
        self._norms = [norm for norm in norms if norm.momentum == MIN_SHARE]

    def follow(self, steps: float) -> None:
        """Have them follow within a training of so many steps."""
        for norm in self._norms:
            norm.momentum = min(MAX_SHARE, max(MIN_SHARE, STEPS_TO_FOLLOW / max(1.0, steps)))
