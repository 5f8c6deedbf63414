"""`make sbom`: the locked packages as CycloneDX JSON, the same bytes for the same lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

OUTPUT: Final = Path("var/sbom.cdx.json")
COMMAND: Final = [
    sys.executable, "-m", "cyclonedx_py", "requirements", "requirements.txt",
    "--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6",
]  # fmt: skip


def without_addresses(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without where packages and tools came from; the hashes stay."""
    components = []
    for component in document["components"]:
        references = component.pop("externalReferences", [])
        hashes = [each for reference in references for each in reference.get("hashes", [])]
        component.pop("description", None)  # the lines of the lock
        # A package has several files, of which one is installed: a property may repeat, a hash not.
        component["properties"] = [
            {"name": "earshot:file:sha256", "value": each["content"]} for each in hashes
        ]
        components.append(component)
    document["metadata"].pop("tools", None)
    return {**document, "components": components}


def main() -> None:
    """Write the list, once it is valid."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    made = subprocess.run(COMMAND, check=True, capture_output=True, text=True).stdout
    text = json.dumps(without_addresses(json.loads(made)), indent=2, sort_keys=True) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        sys.exit(f"The list is not valid CycloneDX: {error}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    print(f"{OUTPUT}: {len(json.loads(text)['components'])} packages")


if __name__ == "__main__":
    main()
