from ovsam.datasets.base import sample_seed


def test_seed_is_the_same_in_every_process_and_version():
    assert sample_seed(0, 1, 42) == 7573884483586588796


def test_parts_do_not_run_into_each_other():
    seeds = {sample_seed(a, b, c) for a in range(12) for b in range(12) for c in range(12)}
    assert len(seeds) == 12**3
    assert all(0 <= seed < 2**63 for seed in seeds)
