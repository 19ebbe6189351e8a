"""Light augmentation on tensors: shifts and mirror images, drawn from the caller's generator."""

import torch
from torch import Tensor


def draw(images: int, *, shift_px: int, flip: bool, generator: torch.Generator) -> Tensor:
    """For each of so many images, as moves_3B: rows and columns to move it by, and whether to mirror it (0 or 1).

    On the CPU, as the generator is whatever the images' device, so that every device draws the same numbers.
    """
    shifts_2B = torch.randint(-shift_px, shift_px + 1, (2, images), generator=generator)
    mirrored_1B = torch.randint(0, 1 + flip, (1, images), generator=generator)
    return torch.cat((shifts_2B, mirrored_1B))


def alternately(images: int, epoch: int) -> Tensor:
    """Whether to mirror each image of a data set (0 or 1): one half of them in this epoch, the other in the next."""
    # Always the same half, so that a training that goes on in another process needs no record of it.
    first_N = torch.randint(0, 2, (images,), generator=torch.Generator().manual_seed(images))
    return (first_N + epoch) % 2


def shifted(x_BCHW: Tensor, moves_3B: Tensor) -> Tensor:
    """The images as `draw` has it, both on one device; edges are repeated. Of any type; the result is channels last."""
    B, C, H, W = x_BCHW.shape
    device = x_BCHW.device
    rows_B1, columns_B1, mirrored_B1 = moves_3B[:, :, None]
    rows_BH = (torch.arange(H, device=device) + rows_B1).clamp(0, H - 1)
    columns_BW = (torch.arange(W, device=device) + columns_B1).clamp(0, W - 1)
    columns_BW = torch.where(mirrored_B1.bool(), columns_BW.flip(1), columns_BW)
    # Pixels of all images in one row: to index by image, row and column takes five times as long.
    rows_BH = rows_BH + torch.arange(0, B * H, H, device=device)[:, None]
    pixels_P = (rows_BH[:, :, None] * W + columns_BW[:, None, :]).flatten()
    x_PC = x_BCHW.permute(0, 2, 3, 1).reshape(-1, C).index_select(0, pixels_P)
    return x_PC.view(B, H, W, C).permute(0, 3, 1, 2)


def augment(x_BCHW: Tensor, *, shift_px: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Each image moved by up to `shift_px` px both ways and, with `flip`, mirrored half of the time."""
    moves_3B = draw(len(x_BCHW), shift_px=shift_px, flip=flip, generator=generator)
    return shifted(x_BCHW, moves_3B.to(x_BCHW.device))
