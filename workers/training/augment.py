"""Light augmentation of image tensors: shifts and mirror images, drawn from the caller's generator."""

import torch
from torch import Tensor


def draw(images: int, *, shift_px: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Draw for each image, as shifts_3B, rows and columns to shift it by and whether to mirror it (0 or 1).

    The numbers are on the CPU, as the generator is, so that they are the same for every device.
    """
    shifts_2B = torch.randint(-shift_px, shift_px + 1, (2, images), generator=generator)
    mirrored_1B = torch.randint(0, 1 + flip, (1, images), generator=generator)
    return torch.cat((shifts_2B, mirrored_1B))


def alternately(images: int, epoch: int) -> Tensor:
    """Whether to mirror each image of a data set (0 or 1): one half in one epoch, the other half in the next."""
    # The halves are always the same, so that a training that is resumed in another process needs no record of them.
    first_N = torch.randint(0, 2, (images,), generator=torch.Generator().manual_seed(images))
    return (first_N + epoch) % 2


def shifted(x_BCHW: Tensor, shifts_3B: Tensor) -> Tensor:
    """Shift and mirror images of any type by what `draw` returned, both on one device; edges are repeated.

    The result is channels last.
    """
    B, C, H, W = x_BCHW.shape
    device = x_BCHW.device
    rows_B1, columns_B1, mirrored_B1 = shifts_3B[:, :, None]
    rows_BH = (torch.arange(H, device=device) + rows_B1).clamp(0, H - 1)
    columns_BW = (torch.arange(W, device=device) + columns_B1).clamp(0, W - 1)
    columns_BW = torch.where(mirrored_B1.bool(), columns_BW.flip(1), columns_BW)
    # Pixels of all images in one row: indexing by image, row and column takes five times as long.
    rows_BH = rows_BH + torch.arange(0, B * H, H, device=device)[:, None]
    pixels_P = (rows_BH[:, :, None] * W + columns_BW[:, None, :]).flatten()
    x_PC = x_BCHW.permute(0, 2, 3, 1).reshape(-1, C).index_select(0, pixels_P)
    return x_PC.view(B, H, W, C).permute(0, 3, 1, 2)


def augment(x_BCHW: Tensor, *, shift_px: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `shift_px` px in both directions and, with `flip`, mirror it half of the time."""
    shifts_3B = draw(len(x_BCHW), shift_px=shift_px, flip=flip, generator=generator)
    return shifted(x_BCHW, shifts_3B.to(x_BCHW.device))
