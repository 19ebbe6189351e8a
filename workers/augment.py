"""Light augmentation on tensors: shifts and mirror images, drawn from the caller's generator."""

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(x_BCHW: Tensor, *, shift_px: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Each image moved by up to `shift_px` px both ways (edges repeated) and, with `flip`, mirrored half of the time.

    The generator lives on the CPU whatever the images' device, so that every device draws the same numbers.
    """
    B, _, H, W = x_BCHW.shape
    device = x_BCHW.device
    columns_BW = torch.arange(W, device=device).expand(B, W)
    rows_BH = torch.arange(H, device=device).expand(B, H)
    if shift_px:
        moves_2B = torch.randint(0, 2 * shift_px + 1, (2, B), generator=generator).to(device)
        x_BCHW = F.pad(x_BCHW, (shift_px,) * 4, mode="replicate")
        rows_BH = rows_BH + moves_2B[0, :, None]
        columns_BW = columns_BW + moves_2B[1, :, None]
    if flip:
        mirrored_B1 = (torch.rand(B, generator=generator) < 0.5).to(device)[:, None]
        columns_BW = torch.where(mirrored_B1, columns_BW.flip(1), columns_BW)
    index_B = torch.arange(B, device=device)[:, None, None]
    x_BHWC = x_BCHW.permute(0, 2, 3, 1)[index_B, rows_BH[:, :, None], columns_BW[:, None, :]]
    return x_BHWC.permute(0, 3, 1, 2)
