"""The child processes that do the work, as the window sees them."""

from skindesk.engine.engines import Engines
from skindesk.engine.jobs import JobHandle, JobQueue, JobState, Outcome, Patience

__all__ = ["Engines", "JobHandle", "JobQueue", "JobState", "Outcome", "Patience"]
