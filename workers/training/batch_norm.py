"""Batch norms' running statistics in short trainings, where by default they are still those of the first weights."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# The share of a batch's statistics in the running ones is this over the number of steps, within limits. By the end of
# 24 steps digits reach .985 with it and .97 with torch's .1, after two of four epochs .94 and .69.
STEPS_TO_FOLLOW = 20
# Torch's default, and a share beyond which only the last batches would count.
MIN_SHARE, MAX_SHARE = 0.1, 0.5


class RunningStatistics:
    """The running statistics of a network's batch norms that have torch's default momentum."""

    def __init__(self, model: nn.Module) -> None:
        norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
        self._norms = [norm for norm in norms if norm.momentum == MIN_SHARE]

    def follow(self, steps: float) -> None:
        """Set the momentum so that the statistics follow the weights within a training of this many steps."""
        for norm in self._norms:
            norm.momentum = min(MAX_SHARE, max(MIN_SHARE, STEPS_TO_FOLLOW / max(1.0, steps)))
