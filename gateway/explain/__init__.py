"""`gateway explain`: one request, each step that decides about it, and the line of YAML behind it."""
