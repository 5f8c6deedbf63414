"""Forms for the objects of a tenant."""

from __future__ import annotations

from typing import Any

from django import forms

from tenants.scoping import tenant_links


class TenantModelForm(forms.ModelForm):
    """Offers, of what belongs to tenants, what is the tenant's whose the form's instance is.

    Without a tenant yet it offers all tenants' rows, as a plain ModelForm does: give it an instance
    that has one, `form(instance=Task(tenant=acme))`, wherever people see it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tenant_id = self.instance.tenant_id
        for link in tenant_links(self._meta.model) if tenant_id is not None else ():
            field = self.fields.get(link.name)
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
                field.queryset = field.queryset.filter(tenant_id=tenant_id)
