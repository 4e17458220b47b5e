"""Files of `gilscope ledger`: of each of the three that keep an account, and from before they said what they are."""

import json
from pathlib import Path

import jsonschema
import pytest
import traces
from accounts import SAMPLED, WITNESSED
from schemas import schema_of

from gilscope.accounting.document import LEDGER
from gilscope.accounting.log import Log
from gilscope.errors import UsageError

LOGS = {"ledger": traces.log(traces.TURNS, sites=(traces.site(),)), "sampler": SAMPLED, "witness": WITNESSED}
FILES = Path(__file__).parents[2] / "fixtures/files"


@pytest.mark.parametrize("kind", LOGS)
def test_an_account_comes_back(kind: str) -> None:
    """As what it was, and as the schema says."""
    text = LEDGER.dumps(LOGS[kind])
    jsonschema.validate(json.loads(text), schema_of("ledger"))
    assert LEDGER.loads(text) == LOGS[kind]


@pytest.mark.parametrize("kind", LOGS)
def test_a_file_without_a_kind_is_read(kind: str) -> None:
    """As the first version wrote them."""
    data = json.loads(LEDGER.dumps(LOGS[kind]))
    for key in ("kind", "tool", "started", "machine"):
        del data[key]
    assert LEDGER.loads(json.dumps(data)) == LOGS[kind]


def test_the_file_of_a_real_program_is_read() -> None:
    """Written by the first version, with a timeline; written again, it is the same but for what says what it is."""
    path = FILES / "ledger-1-without-kind.json"
    log, before = LEDGER.read(path), json.loads(path.read_text())
    assert isinstance(log, Log)
    assert json.loads(LEDGER.dumps(log)) == {
        **before,
        "kind": "gilscope ledger",
        "tool": "",
        "started": "",
        "machine": {},
    }


def test_an_event_at_a_place_that_there_is_not_is_refused() -> None:
    """Lists that refer to each other are as long as that needs."""
    data = json.loads(LEDGER.dumps(LOGS["ledger"]))
    data["sites"] = []
    with pytest.raises(UsageError, match=r"result.events\[\d+\].site must be below 0"):
        LEDGER.loads(json.dumps(data), "FILE")
