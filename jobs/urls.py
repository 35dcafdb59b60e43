"""Addresses under /settings/jobs/."""

from __future__ import annotations

from django.urls import path

from jobs.views import change_sets, schedule, tasks

app_name = "jobs"
urlpatterns = [
    path("", schedule.schedule, name="schedule"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/<int:pk>/", tasks.task, name="task"),
    path("tasks/<int:pk>/cancel/", tasks.cancel, name="cancel_task"),
    path("tasks/<int:pk>/resume/", tasks.resume, name="resume_task"),
    path("tasks/start/<str:kind>/", tasks.start, name="start_task"),
    path("changes/", change_sets.change_sets, name="change_sets"),
    path("changes/<int:pk>/", change_sets.change_set, name="change_set"),
    path("changes/<int:pk>/undo/", change_sets.undo, name="undo"),
    path("<str:name>/", schedule.job, name="job"),
    path("<str:name>/run/", schedule.start, name="run_now"),
]
