"""Peak memory: by hand on small tensors, estimated on the meta device, measured of this process."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ovsam.benchmark.memory import peak_resident_bytes, peak_tensor_bytes, weight_bytes

MIB = 2**20


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_peak_is_of_what_lives_at_one_time(device):
    given = torch.ones(256, 1024, device=device)  # 1 MiB, not counted

    def run():
        doubled = given * 2  # 1 MiB
        wide = torch.cat([doubled, doubled, doubled])  # and 3
        part = wide[:256].reshape(-1)  # a view
        del doubled, wide  # the view keeps 3
        return part + 1  # 3 and 1

    assert peak_tensor_bytes(run) == 4 * MIB
    assert peak_tensor_bytes(lambda: given.view(-1)) == 0
    assert peak_tensor_bytes(lambda: given.mul_(2)) == 0


def test_weights_count_once():
    model = nn.ModuleDict({"a": nn.Linear(8, 4, bias=False), "b": nn.BatchNorm1d(4)})
    model["c"] = model["a"]
    model["b"].register_buffer("part", model["a"].weight.detach()[1:3])  # a view of what is counted
    assert weight_bytes(model) == 4 * (32 + 4 + 4 + 4 + 4) + 8


def test_resident_memory_is_what_the_system_counts():
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs /proc, as Linux has it")
    block = torch.ones(16 * MIB)  # 64 MiB
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    assert peak_resident_bytes() == pytest.approx(int(line.split()[1]) * 1024, rel=0.02)
    assert peak_resident_bytes() > block.nbytes
