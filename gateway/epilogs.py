"""What `--help` says beneath the options of a verb: examples, and what its exit status means.

A paragraph may come first. `gateway.commands` reads the same texts.
"""

from collections.abc import Mapping
from typing import Final

EPILOGS: Final[Mapping[str, str]] = {
    "init": """\
Nothing is overwritten.

examples:
  gateway init http://127.0.0.1:3000
  gateway init https://pay.internal --directory edge

Exit status: 0 both files are written, 1 one of them exists or cannot be written, 2 wrong usage.
""",
    "run": """\
SIGHUP takes the configuration anew, as `gateway reload` does.

examples:
  gateway run
  gateway run --config edge/config/gateway.yaml

Exit status: 0 it was told to stop, 1 it could not begin, 2 wrong usage.
""",
    "check": """\
examples:
  gateway check
  gateway check --format json       for programs

Exit status: 0 the configuration loads, 1 it does not, 2 wrong usage.
""",
    "demo": """\
examples:
  gateway demo
  gateway demo --only azora-pay --address 127.0.0.1:4009

Exit status: 0 it was told to stop, 1 it could not begin, 2 wrong usage.
""",
    "token": """\
examples:
  gateway token --role educator
  gateway token --role finance --subject thandi --claim exp=1

Exit status: 0 a token is printed, 1 no demo is running, 2 wrong usage.
""",
    "api-key": """\
The key is shown once. Its entry goes into the file of `api_keys`, and holds only a hash.

example:
  gateway api-key --principal nightly-report --role auditor --expires 2027-01-31T00:00:00Z

Exit status: 0 a key is printed, 2 it would not load, or wrong usage.
""",
    "password": """\
The password is asked for, or read from standard input. The entry goes into the file of `basic_users`.

examples:
  gateway password thandi
  gateway password thandi < password.txt >> users.yaml

Exit status: 0 an entry is printed, 2 no password, no name of a user, or wrong usage.
""",
    "routes": """\
examples:
  gateway routes
  gateway routes --match GET https://api.azora.example/api/pay/charges

Exit status: 0 fine, 1 no route takes the request or the configuration does not load, 2 wrong usage.
""",
    "matrix": """\
examples:
  gateway matrix
  gateway matrix --role student --role educator --format csv

Exit status: 0 fine, 2 the configuration does not load or has no such role, or wrong usage.
""",
    "diff": """\
Every line widens access, narrows it, or only changes something. What cannot be proved narrower counts as
wider.

example:
  git worktree add /tmp/before main && gateway diff /tmp/before .

Exit status: 0 nothing widens, 1 something does, 2 a configuration does not load, or wrong usage.
""",
    "slo": """\
examples:
  gateway slo
  gateway slo --write observability/prometheus/rules/slo.yml

Exit status: 0 fine, 1 no route has an objective or the configuration does not load, 2 wrong usage.
""",
    "test": """\
examples:
  gateway test
  gateway test policies/tests/azora-pay.yaml -k charge
  gateway test --coverage-min 100 --junit cases.xml       for continuous integration

Exit status: 0 all is as expected and enough is covered, 1 it is not, 2 it could not be played.
""",
    "schema": """\
examples:
  gateway schema policies > policies.schema.json
  gateway schema --write            in the repository: every generated file

Exit status: 0 fine, 1 a file could not be written, 2 wrong usage.
""",
    "reload": """\
example:
  gateway check && gateway reload

Exit status: 0 the new configuration serves, 1 the old one does or nobody answers, 2 wrong usage.
""",
    "healthcheck": """\
example:
  gateway healthcheck --config /etc/azora/config/gateway.yaml

Exit status: 0 it is ready, 1 it is not or nobody answers, 2 wrong usage.
""",
    "version": """\
example:
  gateway version

Exit status: 0 fine, 2 wrong usage.
""",
    "completion": """\
examples:
  gateway completion bash > ~/.local/share/bash-completion/completions/gateway
  gateway completion zsh > "${fpath[1]}/_gateway"
  gateway completion fish > ~/.config/fish/completions/gateway.fish

Exit status: 0 fine, 2 wrong usage.
""",
}
