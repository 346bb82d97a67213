"""Requests that are tried on a configuration without serving it.

The objects that decide are those of the running gateway: its reader of heads, its router, its policies. What
a rehearsal leaves out is the network: nobody listens, nobody is asked, and time stands still until it is told
to go on. `gateway explain` shows one request, `gateway test` judges tables of them.
"""

from gateway.rehearsal.draft import CLIENT, Draft
from gateway.rehearsal.outcome import Outcome, Step, Verdict
from gateway.rehearsal.ports import RehearsalPorts
from gateway.rehearsal.principal import Assumed, assumed
from gateway.rehearsal.stage import Stage

__all__ = ["CLIENT", "Assumed", "Draft", "Outcome", "RehearsalPorts", "Stage", "Step", "Verdict", "assumed"]
