"""Comparison of mixers, and of choices of the blueprint, in equal training time and at equal MACs.

The reference is a plain convolutional network of the space. In turn its inner blocks get each other mixer, and one
choice of the blueprint at a time is changed; all widths are then scaled so that the MACs are the reference's. Each is
trained by the search's own loop, on one thread, for as many whole epochs as come nearest to the same CPU seconds, and
judged on validation pictures. Latency is ONNX Runtime's, one thread, one picture, all networks of a size by turns.

Rows are added to tables/blueprint.csv and tables/blueprint_latency.csv as they come; the same command goes on with the
others.
"""

import argparse
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from benchmarks import timing
from benchmarks.blueprint.rows import Timed, Trained, read_timed, read_trained
from benchmarks.blueprint.table import DOCUMENT, document
from benchmarks.blueprint.training import SIZES, Size, data_of, one_thread, trained
from benchmarks.blueprint.variants import Variant, variants
from benchmarks.csv_rows import TABLES, append
from benchmarks.report import PACKAGES, conditions, print_header
from nas import plugins
from nas.architecture import ModelInput
from nas.builder import Builder
from nas.latency.meter import Deployment

SECONDS, SEEDS, WORKERS = 40.0, 2, 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.blueprint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--px", type=int, action="append", choices=[size.px for size in SIZES], help="all by default")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="CPU seconds of a training")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=WORKERS, help="trainings at a time, a thread each")
    parser.add_argument("--part", action="append", help="mixer, stem, ...: all by default; the reference in any case")
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of the two tables")
    parser.add_argument("--write", action="store_true", help=f"write docs/{DOCUMENT.name}")
    arguments = parser.parse_args()
    print_header(f"mixers and blueprint choices, {arguments.seconds:g} CPU seconds each, {arguments.seeds} seeds")
    trained_path, timed_path = arguments.tables / "blueprint.csv", arguments.tables / "blueprint_latency.csv"
    sizes = [size for size in SIZES if not arguments.px or size.px in arguments.px]
    chosen = {size: _variants(size, arguments.data_dir, arguments.part) for size in sizes}
    for size, members in chosen.items():
        _time(size, members, arguments.data_dir, timed_path)
    with ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("spawn"), one_thread) as processes:
        done = {row.name for row in read_trained(trained_path)}
        futures = [
            processes.submit(trained, member, size, arguments.data_dir, arguments.seconds, seed)
            for size, members in chosen.items()
            for seed in range(arguments.seeds)
            for member in members
            if (size.px, member.architecture.key, arguments.seconds, seed) not in done
        ]
        for number, future in enumerate(as_completed(futures), start=1):
            row = future.result()
            append(trained_path, Trained._fields, [row])
            outcome = row.failure or f"{row.accuracy:.4f} after {row.epochs} epochs in {row.cpu_s:.1f} CPU s"
            print(f"[{number}/{len(futures)}] {row.px} px, {row.part} {row.choice}: {outcome}", flush=True)
    rows = [row for row in read_trained(trained_path) if row.seconds == arguments.seconds]
    text = document(rows, read_timed(timed_path), conditions((*PACKAGES, "onnxruntime")))
    print(text)
    if arguments.write:
        DOCUMENT.write_text(text, encoding="utf-8")


def _variants(size: Size, data_dir: Path, parts: list[str] | None) -> list[Variant]:
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    plain, *others = variants(data_of(size, data_dir, 0).model_input, builder)
    return [plain, *(other for other in others if not parts or other.part in parts)]


def _time(size: Size, members: list[Variant], data_dir: Path, path: Path) -> None:
    """Time all networks of one size by turns; all again where one is new, since another moment's clock differs."""
    known = {row.key for row in read_timed(path) if row.px == size.px}
    if known.issuperset(member.architecture.key for member in members):
        return
    convert = plugins.load(plugins.CONVERTERS, "onnx")
    model_input: ModelInput = data_of(size, data_dir, 0).model_input
    shape_CHW = (model_input.channels, model_input.height_px, model_input.width_px)
    with tempfile.TemporaryDirectory() as scratch:
        paths = {member.architecture.key: Path(scratch) / member.architecture.key for member in members}
        for member in members:
            model = Deployment(member.architecture, model_input).build().eval()
            file = paths[member.architecture.key].with_suffix(f".{timing.ONNX}")
            convert(model, torch.zeros(2, *shape_CHW), file, {})
        ms = timing.latencies(paths, shape_CHW)
    append(
        path,
        Timed._fields,
        [
            Timed(
                size.px,
                member.part,
                member.choice,
                member.architecture.key,
                round(ms[member.architecture.key][timing.ONNX], 5),
            )
            for member in members
        ],
    )


if __name__ == "__main__":
    main()
