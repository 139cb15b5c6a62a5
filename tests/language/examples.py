"""Examples in the pages are short: a list of steps, or a few keys of the top. Here they become whole files."""

from __future__ import annotations

import re
from textwrap import indent

from flowdsl.language import Library
from tests.language.named import LIBRARY as NAMED

FENCE = re.compile(r"```yaml (?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)

PARTS = {
    "inputs": "inputs: { card: string, email: string?, amount: number }\n",
    "defaults": "defaults: { idempotency: 24h }\n",
    "services": "services:\n"
    "  stock: http://localhost:9001\n"
    "  payments: http://localhost:9003\n"
    "  mail: http://localhost:9004\n",
    "steps": "steps:\n  - call: POST payments/charges\n",
}


SERVICES = (
    "flowdsl: 1\nservices: { billing: http://localhost:9005 }\ndefaults: { idempotency: 24h }\n"
)
# The files that examples use.
LIBRARY = Library(
    {
        **NAMED.texts,
        "shipping.yaml": f"{SERVICES}inputs: {{ order: string }}\n"
        "steps:\n"
        "  - id: parcel\n"
        "    call: POST billing/parcels/${inputs.order}\n"
        "    compensate: DELETE billing/parcels/${parcel.id}\n"
        "outputs: { parcel: '${parcel.id}' }\n",
        "invoicing.yaml": f"{SERVICES}steps:\n"
        "  - call: GET billing/accounts\n"
        "  - commit\n"
        "  - call: POST billing/invoices\n",
        "nightly.yaml": f"{SERVICES}timeout: 1h\n"
        "steps:\n"
        "  - call: GET billing/reports\n"
        "on_failure:\n"
        "  - call: POST billing/alerts\n",
    }
)


def examples(page: str, kind: str) -> list[str]:
    return [match["text"] for match in FENCE.finditer(page) if match["kind"] == kind]


def whole(example: str) -> str:
    if example.startswith("flowdsl:"):
        return example
    if example.lstrip().startswith(("- ", "#")):
        example = "steps:\n" + indent(example, "  ")
    rest = "".join(
        part for key, part in PARTS.items() if not re.search(rf"^{key}:", example, re.MULTILINE)
    )
    return f"flowdsl: 1\n{rest}{example}"
