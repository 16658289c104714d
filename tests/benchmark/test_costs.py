"""Costs: added to what is there, and refused when changed by hand."""

import json

import pytest

from ovsam.benchmark import complexity as costs

COST = {"config_digest": "a" * 64, "macs": 5_000, "params": 70, "num_prompts": 10}


def test_counts_are_added_and_replaced(tmp_path):
    file = tmp_path / "complexity.json"
    costs.write_costs({"mini/b": COST, "mini/a": COST}, file)
    costs.write_costs({"mini/b": {**COST, "macs": 6_000, "parts": {}}}, file)
    found = costs.read_costs(file)
    assert list(found) == ["mini/a", "mini/b"]
    assert (found["mini/a"]["macs"], found["mini/b"]["macs"]) == (5_000, 6_000)
    assert "parts" not in found["mini/b"]
    assert found["mini/a"]["versions"]["torch"]


def test_count_changed_by_hand_is_refused(tmp_path):
    file = tmp_path / "complexity.json"
    costs.write_costs({"mini/a": COST}, file)
    content = json.loads(file.read_text())
    content["configs"]["mini/a"]["macs"] = 4_000
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"changed by hand; count again with `tools/complexity\.py"):
        costs.read_costs(file)
    file.write_text("[]")
    with pytest.raises(ValueError, match="expected an object with 'configs'"):
        costs.read_costs(file)
