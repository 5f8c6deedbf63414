"""Django's admin, for the operator of the server: tenants, people, objects and their grants.

Whatever is written here is written through the ORM, so live sockets follow at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from guardian.admin import ReinforcedGuardedModelAdmin
from rest_framework.exceptions import Throttled

from permissions.audiences import registry
from permissions.ownership_transfer import belongs_to_membership
from realtime.audit.models import Access, Push
from tenants import opaque
from tenants.forms import TenantModelForm
from tenants.models import Membership, Tenant, User
from tenants.refused import WrongLogin
from tenants.throttling import login_limits

FIXED: Final = ("tenant", "user", "membership")


class LimitedLogin(AdminAuthenticationForm):
    """The admin's login; its failures count together with the API's."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        username = self.cleaned_data.get("username", "")
        try:
            with login_limits(self.request, username):
                try:
                    return super().clean()
                except ValidationError as error:
                    raise WrongLogin from error
        except WrongLogin:
            raise self.get_invalid_login_error() from None
        except Throttled:
            raise ValidationError("Too many login attempts; wait a minute.") from None


def limited_change(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Throttle the view, so that a stolen operator session cannot guess the password there."""

    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        try:
            with login_limits(request, request.user.get_username(), inside=True):
                return view(request, *args, **kwargs)
        except Throttled:
            return HttpResponse(
                "Too many password changes; wait a minute.\n", "text/plain", status=429
            )

    return limited


def of_keys(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 404 for keys that are not numbers, on which guardian's views fail.

    They write each right by itself; in one transaction nobody passes through what lies between.
    """

    def answer(*args: Any, **keys: str) -> HttpResponse:
        if not all(key.isdecimal() for key in keys.values()):
            raise Http404
        with transaction.atomic():
            return view(*args, **keys)

    return answer


class FixedMixin:
    """What an object or a membership is about stays as it was created."""

    def get_readonly_fields(self: Any, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        names = {field.name for field in self.opts.fields}
        return tuple(name for name in FIXED if name in names) if obj else ()


class CascadeMixin:
    """What goes with it, such as a profile, need not be deletable by itself."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        return deleted, counts, set(), protected


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    readonly_fields = ("state",)
    raw_id_fields = ("user",)


class TenantAdmin(admin.ModelAdmin):
    """Tenants; `manage.py delete_tenant` deletes one, since that asks twice and counts."""

    list_display = ("slug", "name", "is_active", "id_in_metrics")
    list_filter = ("is_active",)
    search_fields = ("slug", "name")
    readonly_fields = ("id_in_metrics",)
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Name in metrics")
    def id_in_metrics(self, tenant: Tenant) -> str:
        return opaque.encode(Tenant, tenant.pk) if tenant.pk else ""


class UserAdmin(CascadeMixin, DjangoUserAdmin):
    """People, without their groups."""

    list_filter = ("is_staff", "is_superuser", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )


class MembershipAdmin(CascadeMixin, FixedMixin, admin.ModelAdmin):
    list_display = ("tenant", "user", "role", "state", "is_active", "created_at")
    list_filter = ("role", "is_active", "tenant")
    list_select_related = ("tenant", "user")
    raw_id_fields = ("user",)
    search_fields = ("user__username", "tenant__slug")


class ObjectAdmin(FixedMixin, ReinforcedGuardedModelAdmin):  # type: ignore[misc]
    """The objects of one resource, of all tenants, with guardian's pages for their grants."""

    form = TenantModelForm
    obj_perms_manage_template = "console/grants.html"
    obj_perms_manage_view = of_keys(ReinforcedGuardedModelAdmin.obj_perms_manage_view)
    obj_perms_manage_user_view = of_keys(ReinforcedGuardedModelAdmin.obj_perms_manage_user_view)
    obj_perms_manage_group_view = of_keys(ReinforcedGuardedModelAdmin.obj_perms_manage_group_view)
    list_display = ("pk", "__str__", "tenant")
    list_filter = ("tenant",)
    list_select_related = ("tenant",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is User:  # too many for a list
            kwargs["widget"] = ForeignKeyRawIdWidget(db_field.remote_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not belongs_to_membership(self.model) and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        deletable = not belongs_to_membership(self.model)
        return deletable and super().has_delete_permission(request, obj)


class LedgerAdmin(admin.ModelAdmin):
    """Rows of the ledger, to look at: nobody writes them by hand."""

    list_filter = ("audience",)
    list_select_related = ("tenant",)
    show_full_result_count = False  # there may be millions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AccessAdmin(LedgerAdmin):
    list_display = (
        "tenant", "user_id", "model", "object_id", "audience", "began_at", "began", "ended_at",
        "ended",
    )  # fmt: skip


class PushAdmin(LedgerAdmin):
    list_display = ("tenant", "at", "model", "object_id", "audience", "version", "fields", "size")


admin.site.site_title = admin.site.site_header = "Earshot"
admin.site.login_form = LimitedLogin
admin.site.password_change = limited_change(  # type: ignore[assignment, method-assign]
    admin.site.password_change
)
admin.site.unregister(Group)  # those of the tenants' roles follow from memberships
admin.site.register(Tenant, TenantAdmin)
admin.site.register(User, UserAdmin)
admin.site.register(Membership, MembershipAdmin)
admin.site.register(Access, AccessAdmin)
admin.site.register(Push, PushAdmin)
for resource in registry:
    admin.site.register(resource.model, ObjectAdmin)
