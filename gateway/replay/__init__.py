"""`gateway replay`: which requests of an access log another configuration would decide differently.

The log has no fields, no bodies and no tokens. A step that depends on them is taken from the log, as long as
both configurations say the same of it; otherwise nobody can tell, and that is counted instead of guessed.
"""
