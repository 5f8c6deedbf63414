"""Forms for the objects of a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from tenants.placed import elsewhere, here, placed_in, placed_links
from tenants.tenancy import Tenancy


class TenantModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that offers only rows of its instance's tenant, where rows are in tenants.

    While its instance is in none it offers all rows, as a plain ModelForm does, and still takes
    none of another tenant than what it makes is in. Wherever people see it, give it an instance
    that has one: `form(instance=Task(tenant=acme))`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for _, field, tenant_id, own in self._placed():
            field.queryset = here(field.queryset, tenant_id, own)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        for name, field, tenant_id, own in self._placed():
            chosen = self.cleaned_data.get(name)
            several = chosen if isinstance(chosen, QuerySet) else filter(None, [chosen])
            keys = [row.pk for row in several]
            rows = field.queryset.model._base_manager.filter(pk__in=keys)
            for row in elsewhere(rows, tenant_id, own):
                wrong = {"value": row.pk}
                message = field.error_messages["invalid_choice"]
                self.add_error(name, ValidationError(message, "invalid_choice", wrong))

    def _placed(self) -> Iterator[tuple[str, Any, int, Tenancy]]:
        """Yield the fields that choose rows in tenants, with the instance's tenant and how theirs
        is found."""
        tenant_id = placed_in(self.instance)
        if tenant_id is None:
            return
        for name, own in placed_links(self._meta.model).items():
            field = self.fields.get(name)
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
                yield name, field, tenant_id, own
