"""Several processes that serve as one gateway: a supervisor keeps the sockets, workers serve on them.

The supervisor touches no request. It imports nothing of the data path, so that hardly anything can end it.
"""
