"""Fail if a result does not fit the schema that the installed package ships. Usage: check_result.py VENV RESULT."""

import json
import sys
from pathlib import Path

import jsonschema


def main(venv: Path, result: Path) -> None:
    """Validate; a misfit ends in jsonschema's own message."""
    (schema,) = venv.glob("lib/python3*/site-packages/gilscope/documents/schemas/run.json")
    rules = json.loads(schema.read_text())
    jsonschema.validators.validator_for(rules).check_schema(rules)
    jsonschema.validate(json.loads(result.read_text()), rules)
    print(f"{result.name} fits {schema.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
