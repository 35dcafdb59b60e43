"""Addresses of jobs under /api/."""

from __future__ import annotations

from django.urls import path

from jobs.api import views

app_name = "jobs_api"
urlpatterns = [
    path("jobs/", views.JobsView.as_view(), name="jobs"),
    path("jobs/runs/", views.RunsView.as_view(), name="runs"),
    path("tasks/", views.TasksView.as_view(), name="tasks"),
    path("tasks/<int:pk>/", views.TaskView.as_view(), name="task"),
    path("tasks/<int:pk>/cancel/", views.CancelView.as_view(), name="cancel"),
    path("tasks/<int:pk>/resume/", views.ResumeView.as_view(), name="resume"),
    path("change-sets/", views.ChangeSetsView.as_view(), name="change_sets"),
    path("change-sets/<int:pk>/", views.ChangeSetView.as_view(), name="change_set"),
    path("change-sets/<int:pk>/undo/", views.UndoView.as_view(), name="undo"),
]
