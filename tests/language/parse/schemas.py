"""Write the copies of the workflow schema: `python -m tests.language.parse.schemas`, or `make schemas`.

The one in the package is the source. Beside it editors get the same file, and a draft-07 copy for those that need it.
"""

from __future__ import annotations

import json
from pathlib import Path

from flowdsl.language.parse.schema import schema_text
from tests.language.parse.draft_07 import as_draft_07

FOLDER = Path(__file__).parents[3] / "schemas"


def copies() -> dict[Path, str]:
    text = schema_text()
    older = json.dumps(as_draft_07(json.loads(text)), indent=2, ensure_ascii=False) + "\n"
    return {
        FOLDER / "flowdsl-1.schema.json": text,
        FOLDER / "flowdsl-1.draft-07.schema.json": older,
    }


if __name__ == "__main__":
    for path, text in copies().items():
        path.write_text(text, encoding="utf-8")
