import pytest


@pytest.mark.parametrize(
    ("latencies", "thresholds"),
    [
        pytest.param([], (), id="no objective"),
        pytest.param(["1s", "300ms", "1s"], (0.3, 1.0), id="each once, in order"),
        pytest.param(["9ms", "1h"], (0.009, 3600.0), id="exactly what the file says"),
    ],
)
def test_histograms_are_told_where_objectives_draw_a_line(compiled, latencies, thresholds):
    routes = "".join(
        f"  - {{id: r{index}, match: {{path: /{index}}}, upstream: pay, auth: public, "
        f"slo: {{availability: 99%, latency: {{below: {below}, target: 99%}}}}}}\n"
        for index, below in enumerate(latencies)
    )
    assert thresholds == compiled(policies=f"routes:\n{routes or '  []'}\n").latency_thresholds
