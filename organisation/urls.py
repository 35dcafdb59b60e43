"""Addresses under /settings/."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from organisation.views import flags, options, people, profile, settings, tokens

app_name = "organisation"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="organisation:profile"), name="settings"),
    path("profile/", profile.profile, name="profile"),
    path("security/", profile.security, name="security"),
    path("security/sessions/end/", profile.end_other_sessions, name="end_other_sessions"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", tokens.revoke_token, name="revoke_token"),
    path("people/", people.people, name="people"),
    path("people/new/", people.create_person, name="create_person"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/link/", people.person_link, name="person_link"),
    path("people/<int:pk>/active/", people.person_active, name="person_active"),
    path("people/<int:pk>/second-factor/", people.person_factor, name="person_factor"),
    path("people/<int:pk>/sessions/", people.person_sessions, name="person_sessions"),
    path("teams/", people.teams, name="teams"),
    path("teams/new/", people.create_team, name="create_team"),
    path("teams/<int:pk>/", people.team, name="team"),
    path("organisation/", settings.organisation, name="organisation"),
    path("organisation/leave-demo/", settings.leave_demo, name="leave_demo"),
    path("all/", options.options, name="options"),
    path("all/<str:key>/", options.option, name="option"),
    path("all/<str:key>/reset/", options.reset_option, name="reset_option"),
    path("flags/", flags.flags, name="flags"),
    path("flags/<str:key>/", flags.first, name="flag"),
    path("flags/<str:key>/next/", flags.advance, name="advance_flag"),
    path("flags/<str:key>/off/", flags.switch_off, name="switch_off_flag"),
]
