"""Forms for the objects of a tenant."""

from __future__ import annotations

from typing import Any

from django import forms

from tenants.scoping import tenant_links


class TenantModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that offers only rows of its instance's tenant, where rows belong to tenants.

    Without a tenant it offers all tenants' rows, as a plain ModelForm does. Wherever people see it,
    give it an instance that has one: `form(instance=Task(tenant=acme))`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tenant_id = self.instance.tenant_id
        for link in tenant_links(self._meta.model) if tenant_id is not None else ():
            field = self.fields.get(link.name)
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
                field.queryset = field.queryset.filter(tenant_id=tenant_id)
