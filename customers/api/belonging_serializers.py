"""Bodies of owner, chain and grants."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from customers.services.grants import CODENAMES


class OwnerSerializer(StrictSerializer):
    """Whom a customer is handed to; null releases him."""

    owner_id = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ChainSerializer(StrictSerializer):
    """The chain that a location moves to."""

    chain_id = serializers.IntegerField()


class NewGrantSerializer(StrictSerializer):
    """With whom a customer is shared, and whether to change him."""

    user_id = serializers.IntegerField()
    level = serializers.ChoiceField(choices=sorted(CODENAMES))


class GrantSerializer(serializers.Serializer[Any]):
    """A colleague with whom a customer is shared."""

    user_id = serializers.IntegerField()
    name = serializers.CharField()
    level = serializers.ChoiceField(choices=sorted(CODENAMES))


class GrantListSerializer(serializers.Serializer[Any]):
    """All colleagues with whom a customer is shared, by name."""

    results = GrantSerializer(many=True)


class ColleagueSerializer(serializers.Serializer[Any]):
    """A colleague, to choose from."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class ColleagueListSerializer(serializers.Serializer[Any]):
    """A page of colleagues."""

    results = ColleagueSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
