"""The child processes that do the work, as the window sees them."""

from skindesk.engine.engines import Engines
from skindesk.engine.handles import JobHandle, JobState, Outcome
from skindesk.engine.jobs import JobQueue, Patience

__all__ = ["Engines", "JobHandle", "JobQueue", "JobState", "Outcome", "Patience"]
