"""`gateway import`: a file of policies from the description of a service.

A description is a text of somebody else. Nothing of it becomes a line of YAML as it stands, and what it
demands is never made less: an operation that cannot be protected as it says is closed, not left out.
"""
