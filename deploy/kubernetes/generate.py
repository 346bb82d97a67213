"""Makes components/monitoring/rules.yaml of the rules of Prometheus: `make generated`.

The operator wants each file of rules as the `spec` of an object. Their text is taken over as it stands.
"""

from pathlib import Path
from textwrap import indent

FOLDER = Path(__file__).parent
RULES = FOLDER.parents[1] / "observability" / "prometheus" / "rules"
WRITTEN = FOLDER / "components" / "monitoring" / "rules.yaml"

_OBJECT = """\
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: azora-gateway-{name}
  labels: {{app.kubernetes.io/name: azora-gateway}}
spec:
{spec}"""


def rules() -> str:
    """One PrometheusRule for each file of rules."""
    objects = [
        _OBJECT.format(name=path.stem, spec=indent(path.read_text(), "  "))
        for path in sorted(RULES.glob("*.yml"))
    ]
    return "# Made of observability/prometheus/rules by generate.py.\n" + "".join(objects)


if __name__ == "__main__":
    WRITTEN.write_text(rules())
