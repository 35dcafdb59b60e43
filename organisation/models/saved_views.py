"""Saved views of lists: what is kept under a name, what each person pins, with what a list opens."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel, VersionedModel, history_table
from organisation.choices import Audience, Role
from organisation.models.organisation import Team, User
from organisation.querysets import ListDefaultQuerySet, SavedViewQuerySet, ViewPinQuerySet


class SavedView(OrganisationModel, VersionedModel):
    """A list's filter, order, columns and height of rows under a name (`crm.core.listing.saved`); never its rows.

    `owner` alone changes it. Whoever else sees it sees by it what his own rights show.
    """

    list_key = internal(models.CharField(_("list"), max_length=40))
    name = internal(models.CharField(_("name"), max_length=80))
    owner = internal(models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("owner")))
    audience = internal(
        models.CharField(_("who sees it"), max_length=12, choices=Audience.choices, default=Audience.PRIVATE)
    )
    team = internal(
        models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("team"))
    )
    state = internal(models.JSONField(_("state")))

    objects = SavedViewQuerySet.as_manager()
    history = history_table(unindexed=["owner", "team"])

    class Meta:
        verbose_name, verbose_name_plural = _("saved view"), _("saved views")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint("owner", "list_key", Lower("name"), name="saved_view_name_once"),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="saved_view_audience_known"),
            models.CheckConstraint(
                condition=Q(audience=Audience.TEAM, team__isnull=False)
                | (~Q(audience=Audience.TEAM) & Q(team__isnull=True)),
                name="saved_view_team_where_shared_with_one",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "list_key"], name="saved_view_by_list")]

    def __str__(self) -> str:
        return self.name


class ViewPin(OrganisationModel):
    """A view that a person has as a tab above the list, and its place among them.

    Its key to the view cascades in the database: who deletes a view does not see the pins of others.
    """

    user = internal(models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")))
    view = internal(
        models.ForeignKey(
            SavedView, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("view")
        )
    )
    position = internal(models.PositiveSmallIntegerField(_("position")))

    objects = ViewPinQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("pinned view"), _("pinned views")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "view"], name="view_pin_once")]

    def __str__(self) -> str:
        return str(self.pk)


class ListDefault(OrganisationModel):
    """With which view a list opens: for one person, or for a role. One's own wins; without a view it is the whole list.

    Its key to the view cascades in the database, as a pin's does.
    """

    list_key = internal(models.CharField(_("list"), max_length=40))
    user = internal(
        models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("user"))
    )
    role = internal(models.CharField(_("role"), max_length=20, choices=Role.choices, blank=True, default=""))
    view = internal(
        models.ForeignKey(
            SavedView,
            on_delete=models.DO_NOTHING,
            db_constraint=False,
            null=True,
            related_name="+",
            verbose_name=_("view"),
        )
    )

    objects = ListDefaultQuerySet.as_manager()
    history = history_table(unindexed=["user", "view"])

    class Meta:
        verbose_name, verbose_name_plural = _("default of a list"), _("defaults of lists")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "list_key", "user", "role"], name="list_default_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, role="")
                | Q(user__isnull=True, role__in=Role.values, view__isnull=False),
                name="list_default_of_user_or_role",
            ),
        ]

    def __str__(self) -> str:
        return self.list_key
