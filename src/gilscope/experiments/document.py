"""The files of `gilscope experiment`, of one experiment and of all.

Schema version history
----------------------
1 : first (0.1.0).
"""

from gilscope.documents.envelope import Form
from gilscope.experiments.course import CourseResult
from gilscope.experiments.result import ExperimentResult

EXPERIMENT: Form[ExperimentResult] = Form(kind="gilscope experiment", version=1, holds=ExperimentResult)
SYLLABUS: Form[CourseResult] = Form(kind="gilscope syllabus", version=1, holds=CourseResult)
