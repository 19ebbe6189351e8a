"""What happens on a CUDA device: skipped where there is none."""

import dataclasses
import subprocess

import pytest
import torch
from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.evaluation import EvaluationOptions, Job
from nas.latency.meter import Deployment
from search_spaces.hybrid import HYBRID
from workers.device import gpu
from workers.latency.meter import Meter
from workers.training.loop import Training
from workers.training.proxy import ProxyEvaluator, prepare
from workers.training.setting import BF16, CONTIGUOUS, FP32, Setting

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
INPUT = ModelInput(1, 14, 14, 10)


def proxy_of(**options: object) -> ProxyEvaluator:
    return prepare(EvaluationOptions(**options), HYBRID).evaluator


def of_mixer(mixer: str) -> Architecture:
    return Architecture((Stage("pool", 1, 16), Stage(mixer, 1, 24)))


def losses(proxy: ProxyEvaluator, model: nn.Module, setting: Setting, part: int | None = None) -> list[float]:
    model = model.to("cuda")
    setting.place(model)
    generator = torch.Generator().manual_seed(0)
    training = Training(model, proxy.resident, proxy.recipe, generator, setting, part=part)
    return [point.loss for point in training.epochs()]


def built(architecture: Architecture) -> nn.Module:
    torch.manual_seed(0)
    return Deployment(architecture, INPUT).build()


def test_every_process_calls_a_gpu_by_the_same_name() -> None:
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    assert gpu().removeprefix("gpu-") in listed
    assert gpu() == gpu(torch.cuda.current_device())


def test_a_trial_trains_in_a_graph_and_is_measured() -> None:
    (outcome,) = proxy_of(device="cuda").evaluate(Job(of_mixer("conv"), 1))
    assert outcome.accuracy > 0.4
    assert outcome.latency.fingerprint["target"] == "cuda"
    assert outcome.environment["training"] == "fp32 channels_last graph"
    assert "no CUDA graph" not in outcome.environment


@pytest.mark.parametrize("mixer", plugins.names(plugins.MIXERS))
def test_a_graph_of_every_mixer_teaches_what_its_steps_one_by_one_do(mixer: str) -> None:
    proxy = proxy_of(device="cuda", epochs=3)
    for setting in (FP32, BF16, CONTIGUOUS):
        eager = losses(proxy, built(of_mixer(mixer)), setting)
        graph = losses(proxy, built(of_mixer(mixer)), dataclasses.replace(setting, graph=True))
        assert graph == pytest.approx(eager, rel=0.05)


class Waiting(nn.Module):
    """A network that asks the device for a number, which no graph can."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        logits_BK: torch.Tensor = self.network(x_BCHW)
        return logits_BK * (2.0 if logits_BK.sum().item() == 1e9 else 1.0)


def test_steps_that_cannot_be_captured_are_taken_one_by_one_and_that_is_on_record() -> None:
    proxy = proxy_of(device="cuda")
    waiting = Waiting(built(of_mixer("pool"))).to("cuda", memory_format=torch.channels_last)
    training = Training(waiting, proxy.resident, proxy.recipe, torch.Generator(), Setting(graph=True))
    *_, last = training.epochs()
    assert last.accuracy > 0.3
    assert "captur" in training.obstacle


def test_a_graphs_training_goes_on_from_a_checkpoint() -> None:
    proxy = proxy_of(device="cuda", epochs=4)
    at_rung, whole = list(proxy.evaluate(Job(of_mixer("conv"), 1, rungs=(2,))))
    (gone_on,) = proxy_of(device="cuda", epochs=4).evaluate(Job(of_mixer("conv"), 1, resume_from=at_rung))
    assert [point.loss for point in gone_on.curve] == pytest.approx([point.loss for point in whole.curve], rel=0.05)
    assert gone_on.environment["training"] == whole.environment["training"]


def test_a_loss_that_is_not_finite_is_noticed_in_a_graph() -> None:
    (outcome,) = proxy_of(device="cuda", learning_rate=1e18, epochs=2).evaluate(Job(of_mixer("pool"), 1))
    assert outcome.failure.cause == "loss not finite"


def test_where_the_gpus_memory_runs_out_the_trial_says_so() -> None:
    proxy = proxy_of(device="cuda", epochs=1)
    torch.cuda.set_per_process_memory_fraction(0.002)
    try:
        (outcome,) = proxy.evaluate(Job(Architecture((Stage("conv", 1, 4096),)), 1))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert outcome.failure.cause == "out of memory"
    (after,) = proxy.evaluate(Job(of_mixer("pool"), 1))
    assert after.accuracy is not None


def test_a_measured_graph_keeps_what_it_reads() -> None:
    meter = Meter("cuda-graph").precise(0.02, 1.0)
    run = meter.target.prepare(built(of_mixer("conv")), INPUT)
    torch.cuda.empty_cache()
    assert run() > 0


@pytest.mark.parametrize("target", ["cuda", "cuda:precision=bf16,batch=8", "cuda:channels_last=no", "cuda-graph"])
def test_every_target_measures_what_it_says(target: str) -> None:
    meter = Meter(target).precise(0.02, 1.0)
    small, large = (
        meter.measure(Deployment(Architecture((Stage("conv", depth, width),)), ModelInput(1, 28, 28, 10)))
        for depth, width in ((1, 16), (12, 128))
    )
    assert 0 < small.median < large.median
    assert small.fingerprint["device"] == torch.cuda.get_device_name()
    assert small.fingerprint["driver"]
