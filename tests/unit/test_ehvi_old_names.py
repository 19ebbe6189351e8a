"""Names of nas.samplers from before the renaming, which go on working with a DeprecationWarning."""

import importlib

import optuna
import pytest

from nas.objective import OBJECTIVES
from nas.samplers.ehvi.sampler import EhviSampler
from nas.samplers.setting import SamplerSetting
from search_spaces.hybrid import HYBRID


@pytest.mark.parametrize(
    ("module", "old", "home", "new"),
    [
        ("ehvi.landscape", "Landscape", "ehvi.acquisition", "Acquisition"),
        ("ehvi.staircase", "Staircase", "ehvi.box_decomposition", "BoxDecomposition"),
        ("ehvi.told", "Told", "ehvi.targets", "Targets"),
        ("ehvi.pool", "Pool", "ehvi.candidate_pool", "CandidatePool"),
        ("ehvi.models", "Models", "ehvi.fitting", "Surrogates"),
        ("setting", "Cost", "setting", "ArchitectureMetric"),
        ("setting", "Foresight", "setting", "Pruner"),
    ],
)
def test_an_old_import_gives_the_new_name(module: str, old: str, home: str, new: str) -> None:
    old_module, new_module = (importlib.import_module(f"nas.samplers.{path}") for path in (module, home))
    with pytest.warns(DeprecationWarning, match=rf"nas\.samplers\.{module}\.{old} is now nas\.samplers\.{home}\.{new}"):
        assert getattr(old_module, old) is getattr(new_module, new)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = old_module.other


def test_the_samplers_old_options_stand_for_the_new_ones() -> None:
    with pytest.warns(DeprecationWarning, match=r"EhviSampler.*\(dear") as warnings:
        sampler = EhviSampler(HYBRID, 0, dear=1, dear_features=[lambda member: 1.0])
    assert len(warnings) == 2
    assert {warning.filename for warning in warnings} == {__file__}
    with pytest.raises(ValueError, match=r"EhviSampler\(expensive=1\) needs a study of two objectives"):
        optuna.create_study(sampler=sampler).ask(sampler.infer_relative_search_space(None, None))


def test_a_settings_old_attributes_give_the_new_ones() -> None:
    setting = SamplerSetting(HYBRID, 0, OBJECTIVES)
    with pytest.warns(DeprecationWarning, match=r"SamplerSetting\.dear is now SamplerSetting\.expensive"):
        assert setting.dear == setting.expensive
    with pytest.warns(DeprecationWarning, match="dear_features"):
        assert setting.dear_features == ()
