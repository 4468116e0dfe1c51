"""Following names like "plan__tax__name" through a model, at import time."""

from __future__ import annotations

from typing import cast

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model


def follow(model: type[Model], path: str) -> list[Field]:
    """The fields along the path, or [] when it does not lead through forward fields only."""
    steps: list[Field] = []
    here: type[Model] | None = model
    for name in path.split("__"):
        if here is None:
            return []
        try:
            field = here._meta.pk if name == "pk" else here._meta.get_field(name)
        except FieldDoesNotExist:
            return []
        if (field.auto_created and not field.concrete) or field.many_to_many or field.one_to_many:
            return []
        steps.append(cast(Field, field))
        here = field.related_model if field.is_relation else None
    return steps


def relations(steps: list[Field]) -> str:
    """The select_related path that brings everything along these steps: "plan__tax" for plan__tax__name."""
    return "__".join(field.name for field in steps if field.is_relation)
