"""Float32 arithmetic inside of automatic mixed precision, for sums that half precision cannot hold."""

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Switch autocast off; tensors keep their types. Nothing is done in an export, and on devices without autocast."""
    if torch.compiler.is_exporting() or not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    switched_off: AbstractContextManager[None] = torch.autocast(device.type, enabled=False)
    return switched_off
