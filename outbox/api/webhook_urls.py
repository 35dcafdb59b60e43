"""Addresses of events and subscriptions under /api/."""

from __future__ import annotations

from django.urls import path

from outbox.api import events, subscriptions

app_name = "webhooks_api"
urlpatterns = [
    path("events/", events.FeedView.as_view(), name="feed"),
    path("events/types/", events.TypesView.as_view(), name="types"),
    path("events/schemas/<str:type>/<int:version>/", events.SchemaView.as_view(), name="schema"),
    path("events/replay/", events.ReplaysView.as_view(), name="replays"),
    path("events/replay/<int:pk>/", events.ReplayView.as_view(), name="replay"),
    path("subscriptions/", subscriptions.SubscriptionsView.as_view(), name="subscriptions"),
    path("subscriptions/<int:pk>/", subscriptions.SubscriptionView.as_view(), name="subscription"),
    path("subscriptions/<int:pk>/test/", subscriptions.TestView.as_view(), name="test"),
    path("subscriptions/<int:pk>/rotate/", subscriptions.RotateView.as_view(), name="rotate"),
    path("subscriptions/<int:pk>/old-secret/", subscriptions.EndSecretView.as_view(), name="old_secret"),
    path("subscriptions/<int:pk>/pause/", subscriptions.PauseView.as_view(), name="pause"),
    path("subscriptions/<int:pk>/resume/", subscriptions.ResumeView.as_view(), name="resume"),
    path("subscriptions/<int:pk>/deliveries/", subscriptions.DeliveriesView.as_view(), name="deliveries"),
    path("subscriptions/<int:pk>/deliveries/<uuid:event_id>/", subscriptions.DeliveryView.as_view(), name="delivery"),
]
