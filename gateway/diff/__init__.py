"""`gateway diff`: what another configuration lets whom do, in words.

Every difference is one line that says whether it widens access, narrows it or only changes something. What
cannot be proved narrower counts as wider: whoever reads the lines that widen has seen all that could let
somebody in.
"""
