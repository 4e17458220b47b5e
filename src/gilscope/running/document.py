"""The files of `gilscope run`.

Schema version history
----------------------
1 : first (0.1.0). Files without a kind are of this version too; since then there is one.
"""

from gilscope.documents.envelope import Form
from gilscope.running.result import Result

RUN: Form[Result] = Form(kind="gilscope run", version=1, holds=Result, known_by="plan")
