"""A second opinion on the pact: PactFlow's comparator of it with the yaml files, where Node is.

Run by `nox -s contracts`; ends with 1 if the comparator complains of anything but what is known.
It sees a pact's examples and not its matchers, so it does not replace the generator's checks.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).parents[3] / "contracts"
COMPARATOR = "@pactflow/openapi-pact-comparator@2.3.1"
"""The last that runs on Node 20, though it asks for 22; npm by itself would choose 1.7 there."""

_CONTENT_TYPE = (
    "Message headers are incompatible with the schema in the spec file: "
    "must NOT have additional properties - contentType"
)
KNOWN = {
    # The request is meant to break the contract: it is answered 400.
    "getStockLevel naming the nil id": (
        "Path or method not defined in spec file: "
        "GET /inventory/00000000-0000-0000-0000-000000000000"
    ),
    # It drops what is `required` from all schemas, and then cannot tell the branches apart.
    "initializeInventory while the same key is worked on": (
        "Response body is incompatible with the response body schema in the spec file: "
        "must match exactly one schema in oneOf"
    ),
    # Pact keeps the content type among the metadata, AsyncAPI beside the headers.
    "InventoryOutOfStockEvent": _CONTENT_TYPE,
    "InventoryLowStockEvent": _CONTENT_TYPE,
    "InventoryBackInStockEvent": _CONTENT_TYPE,
}
"""Complaints that are the comparator's own limits, by description."""


def tell(line: str) -> None:
    sys.stdout.write(f"second opinion: {line}\n")


def main() -> int:
    npx = shutil.which("npx")
    if npx is None:
        tell("not asked, because there is no Node here")
        return 0
    opc = [npx, "--yes", f"--package={COMPARATOR}", "opc"]
    if subprocess.run([*opc, "--help"], capture_output=True, check=False).returncode:
        tell(f"not asked, because npm could not get {COMPARATOR}")
        return 0
    found = set(complaints(opc))
    for description, message in sorted(found - KNOWN.items()):
        tell(f"{description}: {message}")
    for description, message in sorted(KNOWN.items() - found):
        tell(f"known, but gone: {description}: {message}")
    if found != KNOWN.items():
        return 1
    tell(f"agrees, but for the {len(KNOWN)} known limits of the comparator")
    return 0


def complaints(opc: list[str]) -> Iterator[tuple[str, str]]:
    """What the comparator has against the pact: description and message."""
    ran = subprocess.run(
        [
            *opc,
            *("--oas", CONTRACTS / "inventory-service.yaml"),
            *("--asyncapi", CONTRACTS / "inventory-events.asyncapi.yaml"),
            CONTRACTS / "pacts" / "shelfport-inventory-service.json",
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    if not ran.stdout.startswith("["):
        raise SystemExit(f"second opinion: the comparator failed: {ran.stderr.strip()}")
    results: list[dict[str, Any]] = json.loads(ran.stdout)
    for result in results:
        if result["type"] == "error":
            description = result["mockDetails"]["interactionDescription"]
            for cause in result.get("causes", [result]):
                yield description, cause["message"]


if __name__ == "__main__":
    sys.exit(main())
