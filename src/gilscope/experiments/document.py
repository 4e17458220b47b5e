"""The files of `gilscope experiment`.

Schema version history
----------------------
1 : first (0.1.0).
"""

from gilscope.documents.envelope import Form
from gilscope.experiments.result import ExperimentResult

EXPERIMENT: Form[ExperimentResult] = Form(kind="gilscope experiment", version=1, holds=ExperimentResult)
