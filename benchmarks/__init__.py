"""The gateway beside real peers: the same work, the same core, one run (`python -m benchmarks`).

A peer is one file in `peers/`, a row is one entry of `workloads.py`. What is measured of whom is decided by
`runner.py` alone, so that no peer can be measured in another way than the others.
"""
