"""The files of `gilscope ledger`.

Schema version history
----------------------
1 : first (0.1.0). Files without a kind are of this version too; since then there is one, and the tool, the time and the
    machine.
"""

from gilscope.accounting.log import Log
from gilscope.accounting.samples import SampledLog
from gilscope.accounting.witness import WitnessLog
from gilscope.documents.envelope import Form

LEDGER: Form[Log | SampledLog | WitnessLog] = Form(
    kind="gilscope ledger", version=1, holds=Log | SampledLog | WitnessLog, known_by="mechanism"
)
