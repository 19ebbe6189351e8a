"""The transform as matrix products is torch's transform."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.dft import dft_of_channels, real_dft_of_grid, real_dft_of_rows

sizes = st.tuples(st.integers(1, 3), st.integers(1, 17), st.integers(1, 17), st.integers(1, 12))


def assert_close(computed: torch.Tensor, expected: torch.Tensor) -> None:
    assert computed.shape == expected.shape
    assert (computed - expected).abs().max() <= 2e-6 * max(1.0, float(expected.abs().max()))


@given(sizes, st.integers(0, 99))
def test_over_rows_of_tokens_and_channels(shape: tuple[int, int, int, int], seed: int) -> None:
    x_BHWC = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    expected = torch.fft.fft2(x_BHWC.double().flatten(1, 2), dim=(1, 2)).real.reshape(shape)
    assert_close(real_dft_of_rows(*dft_of_channels(x_BHWC)), expected)


@given(sizes, st.integers(0, 99))
def test_over_the_grid(shape: tuple[int, int, int, int], seed: int) -> None:
    x_BHWC = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    assert_close(real_dft_of_grid(x_BHWC), torch.fft.fft2(x_BHWC.double(), dim=(1, 2)).real)
    imaginary = torch.randn(shape, generator=torch.Generator().manual_seed(seed + 1))
    assert_close(
        real_dft_of_grid(x_BHWC, imaginary), torch.fft.fft2(torch.complex(x_BHWC, imaginary), dim=(1, 2)).real.double()
    )
