"""Configuration: YAML text -> positioned tree -> specs -> Snapshot. Pure, and not looked at while serving."""
