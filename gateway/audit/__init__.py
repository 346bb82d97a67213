"""`gateway audit`: what a configuration leaves open, and what it shows for the published lists of risks."""
