"""Published models: parameters equal to the literature's, logits equal to timm's."""

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import UnknownNameError
from nas.exports.published import published_model, published_models
from search_spaces.cost import cost
from search_spaces.exports.timm_folder import converted
from search_spaces.exports.weights import difference
from search_spaces.model import build

MODELS = published_models()


def test_every_row_of_the_table_is_there() -> None:
    assert len(MODELS) == 33
    assert {"poolformer_s12", "randformer_m48", "caformer_b36", "metaformer_ppff_s12"} <= MODELS.keys()
    with pytest.raises(UnknownNameError, match="unknown model 'magic'"):
        published_model("magic")


@pytest.mark.parametrize("name", MODELS)
def test_parameters_to_the_unit_and_macs_to_a_thousandth(name: str) -> None:
    model = MODELS[name]
    counted = cost(model.architecture, model.model_input)
    assert (counted.parameters, counted.frozen) == (model.parameters, model.frozen)
    assert counted.macs / 1e9 == pytest.approx(model.gmacs, rel=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_the_imagenet_spaces_contain_every_row_at_s_and_m_widths(name: str) -> None:
    architecture = MODELS[name].architecture
    spaces = [plugins.load(plugins.SPACES, f"imagenet-{recipe}") for recipe in ("v1", "v2", "conv")]
    (space,) = (space for space in spaces if space.recipe == architecture.recipe)
    assert space.decode(space.encode(architecture)) == architecture


@pytest.mark.parametrize("name", ["poolformerv2_s12", "convformer_s18", "caformer_s18"])
def test_timms_logits_with_timms_weights_and_the_other_way_round(name: str) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = timm.create_model(name, pretrained=False).eval()
    for weight in theirs.parameters():
        # timm's initial weights are too small: every network's output is nearly the same.
        torch.nn.init.normal_(weight, weight.mean().item(), 0.05)
    ours = build(MODELS[name].architecture, MODELS[name].model_input).eval()
    image = torch.randn(1, 3, 224, 224)
    ours.load_state_dict(converted(theirs.state_dict(), ours.state_dict()))
    with torch.no_grad():
        assert difference(theirs(image), ours(image)) < 1e-4
        again = timm.create_model(name, pretrained=False).eval()
        again.load_state_dict(converted(ours.state_dict(), again.state_dict()))
        assert torch.equal(again(image), theirs(image))


def test_layer_scale_starts_smaller_in_deep_networks() -> None:
    for depth, initial in ((24, 1e-5), (25, 1e-6)):
        model = build(Architecture((Stage("pool", depth, 8),), "v1"), ModelInput(1, 8, 8, 2))
        assert model.stages[0].blocks[0].layer_scale1.scale[0].item() == pytest.approx(initial)
