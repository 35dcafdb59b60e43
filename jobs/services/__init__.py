"""What doors call: change sets and their undo, long tasks, runs by hand."""

from jobs.services.change_sets import UndoResult, ask_undo, count_rows, go_on_with, open_change_set, undo_change_set
from jobs.services.schedule import run_now
from jobs.services.tasks import UNDO, cancel_task, resume_task, start_by_hand, start_task

__all__ = [
    "UNDO",
    "UndoResult",
    "ask_undo",
    "cancel_task",
    "count_rows",
    "go_on_with",
    "open_change_set",
    "resume_task",
    "run_now",
    "start_by_hand",
    "start_task",
    "undo_change_set",
]
